"""The letters that ship, and the program that made them: 20,000 rows after Frey and Slate (1991).

Not part of the running system: nothing else imports this package, and it imports nothing of ours.

    fonts       the 20 fonts: strokes of capital letters, from Hershey's tables
    distort     magnification, aspect and warp of a glyph, drawn at random
    raster      strokes -> bitmap
    attributes  bitmap -> the 16 attributes; all attributes of a data set -> 0..15
    files       rows -> 33 training files and a validation file; refuses to overwrite what it did not write
    command     errors, exit codes and the options' parser of the two commands
    make        python -m letters.make    the shipped files, anew
    split       python -m letters.split   the original UCI file, in the same form
"""
