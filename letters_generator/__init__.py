"""The letters data set that ships, and the program that made it: 20,000 rows after Frey and Slate (1991).

This package is independent of roundelay: neither imports the other.

    fonts       the 20 fonts: strokes of capital letters, from Hershey's tables
    distort     magnification, aspect and warp of a glyph, drawn at random
    raster      strokes -> bitmap
    attributes  bitmap -> the 16 attributes; all attributes of a data set -> 0..15
    files       rows -> 33 training files and a validation file; never overwrites other files
    command     errors, exit codes and option parser of the two commands
    make        python -m letters_generator.make    makes the files that ship
    split       python -m letters_generator.split   converts the original UCI file
"""
