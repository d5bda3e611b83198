"""The client layer: what `roundelay` exports, and what the command line, the dashboard and the benchmarks call.

requests      what a user asks for, as frozen values: TrainRequest, DataOptions, RingAddress
ring          connect, local_ring, load_model; Ring: submit, jobs, status, lookup
train_arguments  the arguments of Ring.train as a TrainRequest: arrays, DataFrames, paths
job           Job: its rounds as they finish, its result, cancel
job_runner    drive a job from this process, or follow one that others drive
job_summary   what a listing tells of a job
comparison    jobs side by side: what they differ in, and their errors
preparation   read and check a request's data before a ring is needed
publication   store a job's files and its record on the ring
forgetting    submit the job that never had some files of another
job_input     the files of a job, and what its spec says of their rows
data_reader   read a user's data into such files
letter_files  read files of letters, which are stored as they are
reader_options  the kind of a request's data, and the options of their readers
job_spec      the spec of a job: its settings and its files
proofs        write a proof of a job, check one offline, replay one
private_data  the files of a job that stay on the nodes which published them
personal      make a site's own model from its private data, at the site
sites         the sites with private data, and what each does now
option_text   read settings and options from text
memory        the memory that a job will need
presets       recommended settings by kind of data and model
connection    enter a ring, and stay connected while its nodes come and go
local         a ring of processes on this machine
lookup        a lookup with the time of each hop
health        ping a process; check a ring's invariants
history       a job's rows, as a DataFrame or drawn
callbacks     what a program hooks into a job: callbacks and metrics
estimators    FederatedClassifier and FederatedRegressor, for scikit-learn
trackers      callbacks for TensorBoard, MLflow and Weights & Biases
local_objects  classes and functions of a program as plugins that its local ring can import
notebook      progress bars in a notebook
revocations   tell a ring which certificates are revoked
report        a job's results, and the files written from them: history, timing, curve
model_card    the Markdown description beside a saved model
whole_file    result files that replace earlier ones, whole or not at all
progress      the observer protocol by which long operations report
errors        ClientError and its subclasses
error_translation  errors of the layers below, raised as ClientErrors

It parses no command line and prints nothing.
"""
