"""Exercises for a course: students write parts of a ring, and a check finds what is wrong, by seeds.

    python3 -m exercises list            what there is
    python3 -m exercises start 3         write a skeleton, exercise3.py, into the current folder
    python3 -m exercises check 3         run it on many seeds
    python3 -m exercises check 3 exercise3.py --seed 17     replay one

tasks      one module for each exercise: how a seed becomes a case, and what must hold
violation  what a check reports: an invariant, and how it is violated
students   load a student's file, and find its functions
skeletons, solutions, broken   what students start from; what passes; what must be found, each with one error
"""
