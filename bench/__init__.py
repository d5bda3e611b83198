"""Benchmarks.

`python -m bench NAME` runs one, which prints a table, or with --json one line:

trainer         local training compared with torch, scikit-learn and BLAS
cnn             the convolutional network compared with torch, and the time to 98 % on MNIST
jobs            many jobs at once: how they share the ring
messages        round trips, requests and bytes of a job in the simulator
wire            calls and transfers compared with a raw socket and gRPC: small_call, weights
round           a round compared with Flower
scale           rings of many nodes: scale_real with scale_predicted, scale_simulated with scale_growth, scale_stored
performance     runs these six and writes docs/results/performance.md
counts          counts that must not grow (counts.json), with the start_times of the programs on request
page            what the dashboard costs
responsiveness  how fast a node answers while it trains
placement       the length of a round under each placement policy
defaults        default settings on many tables, beside scikit-learn
tables          published tables, beside scikit-learn's networks
noniid          non-IID files under each aggregation rule
personal        the error of each site under the shared model, and under one of its own
topologies      what star and tree cost the driver
gossip          the error and the spread of the nodes' models
buffered        buffered rounds beside synchronous ones, where a node is slow
private_data    no private row leaves its node
wan             what distance, bandwidth and loss cost a job, between hosts that are far apart
proof           what receipts cost, and what verification, replay and forgetting of a job take
rules           each aggregation rule compared with its paper in numpy, and with Flower's
robust          attacks against aggregation rules
privacy         secure aggregation, what it costs, and the accountants of noise
compression     the bytes of a round and the error of the model, by --compress
trust           what a site's default policy protects, and what it costs
large           memory, traffic and time of a round of a large model
leaves          64 sites that only dial out, on two nodes, beside 64 ordinary nodes
secured         what certificates cost: start, small calls, rounds
portable        portable arithmetic: equal models in many environments, error and speed
reading         tables made ready for a job, compared with pandas

The parts:

first_round      the start, beside imports of numpy and Flower
ring_figures     figures of a ring of real processes
job_runs         jobs as users type them, timed from outside
counted_client   runs the client, and counts the bytes of its messages
figures          figures, limits and tables
report           writes tables to docs/results/, and runs a benchmark as a command
generated_tables  seeded tables of many kinds
generated_regressions
                 seeded tables with a target of real numbers
shipped_tables   tables that exist: scikit-learn's, MNIST's test images, the letters
table_cases      the cases of `tables`
default_cases    the cases of `defaults`
default_jobs     the jobs of `defaults`: a table is written, trained and judged
kept_results     results of `defaults` in a file, so that an interrupted run can go on
imprint          an attack that reads private rows from a gradient
user_module      a module as a user of PyTorch would write it
machine          describes the machine and the versions
blas             the kernel and the thread of BLAS in benchmarks
compare          measures ours and a peer in turns
peers            the peers' processes: see the package
flower           runs Flower on the same letters
nvflare          runs NVFlare's swarm learning on the same letters
echo_servers     servers to measure the wire against
grpc_peer        gRPC's client and server
mutated          small tables with random faults
portable_environments  BLAS kernels, numpy versions and an emulated aarch64
portable_job     a job on the letters in one environment
portable_ring    a ring of nodes on two kinds of processors
rule_references  the aggregation rules again, from their papers
rule_check       random updates through a rule and its reference
scaffold_check   whole rounds of SCAFFOLD beside the algorithm of its paper, with local training
scaffold_skew    SCAFFOLD's error beside FedAvg's on files of few classes
counted_node     wraps a node and counts its calls
simulated        star and tree on a large simulated ring
message_counter  counts the messages and bytes of a procedure
wire_sizes       the encoded size of a message
secure_sites     the sites of a secure sum, without a ring
wan_page         the page of `wan`, with its limits
"""
