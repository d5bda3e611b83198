"""Readers of data sets and saved models: the only modules of ml/ that open files.

source       the DataSet that every reader returns: parts whose rows are read in blocks
limits       the largest data that readers accept
dataset      choice of the reader: by option, or guessed from the files
folder       listing of a folder's training files; bounded reads of a file
content      a training file's bytes -> samples, packed or text
letters      comma-separated rows: features, then the class
packed       the binary format of prepared data: header, rows, checksum
table        tables with a label column (.csv, .tsv), with or without a header
table_rows   the rows of a table in a spool, and the features that they become
class_names  whether the values of a column can be classes
scan         one pass over a file of a table, in blocks of lines
block_parser a block of lines as a whole, if it is plain
row_parser   the fields of a row, one by one; faults are named with their line
schema       the columns of a table: the class, numbers and words
words        the different words in a column, numbered
column_summary  what rows say of how a column is encoded; merged exactly
encoding     how columns become features; part of a saved model
dialect      separators, decimal marks and headers of tables
rows         the rows of a block of lines, one by one
row_text     the rows of a table as they are written
decimals     decimal numbers in text, parsed all at once
text         lines of text in any encoding, unpacked
spool        rows in a temporary file
idx          MNIST's IDX files
cifar        CIFAR-10's batches
pickled      CIFAR-10's pickled batches, without unpickling them
images       a folder per class of JPEG or PNG images
npz          arrays in an .npz archive
npy          one array of these: its header and its rows
arrays       arrays and DataFrames in memory
frame        a DataFrame's columns as a trained model reads them
reading      how sites read their private data for a job
site         private data at their site: found, described, read
site_counts  counts of the values of private data in cells
site_schema  what private data look like to the ring; what sites agree on
inputs       rows for a trained model, from any of these formats
understood   what was understood of a data set
saved_model  a trained model on disk (.npz, .safetensors)
model_arrays its arrays, read with a limit for each
"""
