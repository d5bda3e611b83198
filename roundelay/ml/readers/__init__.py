"""The only code of ml/ that reads files.

source       what every reader returns: a DataSet of parts whose rows come in blocks
dataset      which reader: the kind of a data set, as an option says or guessed from its files
folder       the training files of a folder, and the bytes of a file
content      a training file's bytes -> samples, packed or text
letters      comma-separated rows: features, then the class
packed       the compact form of prepared data: a head, rows, a checksum
table        tables with a label column (.csv, .tsv), with or without a header
idx          MNIST's IDX files
cifar        CIFAR-10's batches
pickled      CIFAR-10's pickled batches, without unpickling them
images       a folder per class of JPEG or PNG images
npz          arrays in an .npz archive
saved_model  a trained model on disk (.npz, .safetensors)
"""
