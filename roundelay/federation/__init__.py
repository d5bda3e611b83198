"""Federated learning on the ring: jobs, orders, rounds, failover. Generators, no I/O (sans-I/O).

A job
    settings         what a user chooses: defaults, ranges, meanings
    setting_fields   one setting: its field, option, and the check of a value
    settings_conflicts  settings that contradict one another are refused
    job_name         what a user may call a job
    setting_texts    settings as text: those that were chosen, and those in which jobs differ
    spec             a job as a value: settings, files, validation; its id
    spec_conflicts   settings that the job's files, sites or model cannot meet are refused
    records          its records on the ring: spec, chained results, reports, end
    result_chain     the longest chain of results, and rounds that have two
    site_scores      how well a model does on the rows that sites hold out, as in a report
    jobs             publish and list jobs, write their records
    snapshot         read a job from its records
    listing          list the latest jobs in two round trips
    listed_job       what a listing shows of a job
    early_stopping   when a job has trained enough, and which round it keeps
    strict_json      decode the JSON records that others have written
    step_size        notice divergence, and halve the step
    states           tables of the states of an order and of a job
    upload           store a job's files on the ring, in all copies, then publish it
    forgetting       the job that never had some of a job's files
    private_data     files that never leave their node
    site_agreement   sites describe their private files before a job
    site_evaluation  sites evaluate a model on the rows that they hold out; counts are added exactly
    audit            verify a job's chain and compute its rounds again
    replay           a whole job in one process, without a ring
    proof            what anybody needs to check a job without the ring, as values
    proof_rounds     check a proof's rounds part by part
    proof_signatures  check a proof's signatures
    proof_file       a proof as a file: an archive in canonical form
    proof_export     collect a proof from the ring
    proof_replay     train the rounds of a proof again

A driver, which runs a job
    driver           one job from where it stands to its end
    job_reader       read what a driver needs before its first round
    round_store      validate and store its rounds
    job_watch        look once a second at the ring and at what has become of the job
    round_coordinator  one round's partial results, following the job's topology
    client_sampling  which files take part in a round
    placement        which node trains which file
    round_training   train one round, again with half the step if it diverges
    rounds           a round's orders: reassignment, backup tasks
    order_sender     send orders with the weights that their nodes lack
    partial_result   the result of one order, and of a round's orders together
    site_work        a round's orders at private sites, which may be cut off
    file_waits       since when each file is waited for, and until when
    site_waits       which private sites are waited for, and until when
    site_drain       sites that are given no new work for a while
    throughput       how long orders take
    tickets          wait for an order
    large_contents   weights and sums that lie in files
    topologies/      where updates are aggregated: star, tree, gossip, buffered
    staleness        which weights an update of a buffered job starts from, and how much it counts
    rules/           the server's aggregation rules: FedAvg and others
    update_reader    aggregate single updates, read block by block from where they were trained
    round_tasks      the tasks of a round's orders
    result_sums      exact sums of their results: updates, moments, losses
    server_step      the new weights: the mean, and the job's rule
    trained_round    what a round's training leads to, and what the next round starts from
    compression      what updates are rounded to, and a round's step as small integers
    receipts         a digest of each file's update, and the Merkle tree over them
    result_check     whether an honest trainer can have computed a result
    verification     have a second node repeat orders, and settle which of two results is true
    verification_draws  which orders of a round are repeated
    secure_sum       secure aggregation: only the sum over the sites can be seen
    secure_rounds    the driver's side of it
    masked_collection collect masked vectors, along trees and from each site
    masked_sum       masked vectors, and their sums with the sealed shares behind them
    summed_sites     which sites a secure sum is taken over
    short_orders     orders to sites that need no training, and how long they are waited for
    masked_record    what a driver that is a site stores of its own part, in case it is killed
    unmasking        take the masks off a sum
    contributions    which node has trained what without a second one
    successor        replace a job in which nodes have lied
    origin           the job from which a successor follows, and whose signature stands for it
    roster           which nodes may be given work
    retry            requests that survive the loss of the node that they go through
    job_log          write a job's records in order
    lease_renewal    keep a job's files and records leased

A node
    node_core        the one list of a node's handlers and loops
    requests         orders and their progress, as requests
    job_keys         the keys of a job's records, some rounds under each
    job_lister       what a node's records say of a job
    tasks            what an order asks for: moments, train, evaluate, mix
    orders           a node's queue of orders, and their progress
    order_executor   carry out one order
    job_lookup       whether a job is over, so that its orders are dropped
    polls            which orders their drivers still poll
    fair_queue       which job's order is next
    trainer_client   the parent's side of the trainer protocol
    failover         take over jobs whose driver is silent
    attacks          wrong results, for tests of verification and of robust rules
    secure_orders    carry out the orders of secure aggregation
    masker           mask a site's update, and reveal shares of the masks

Leaves, which only dial out
    leaf             the leaf: attached to hosts, which pass its orders on
    leaf_host        the host: what it knows of its leaves, and answers for them
    leaf_directory   the list of leaves on the ring

Of a secured ring
    record_rules     the signers that each kind of record may have
    record_guard     these rules, with what a node knows of its ring
    job_drivers      the drivers of jobs, as a holder of their records knows them
    revocations      publish and follow the list of revoked certificates
    site_policy      a site's policy for its private data
    site_gate        orders on private data must follow from a job and lie within that policy

effects              effects of this package
errors               errors of this package
"""
