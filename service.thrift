/**
 * Roundelay's contract between processes.
 *
 * Every call has a deadline that its caller sets. A call without an answer is indefinite: it may
 * or may not have happened; therefore every call here is idempotent and may be made again.
 * Exceptions are definite: what was asked certainly did not happen.
 *
 * Identifiers and keys are big-endian integers of 20 bytes, whatever the ring's bits.
 * Digests are SHA-256, 32 bytes. Arrays of numbers travel as little-endian binary, never as lists.
 */
namespace py roundelay.rpc.gen

/** One life of one node. A restart is a new incarnation, and a new member of the ring. */
struct Node {
  1: required binary id
  2: required string host
  3: required i32 port
  4: required i64 incarnation
}

/** What all nodes of one ring agree on; the supernode tells each joiner. */
struct Ring {
  /** Identifiers are 0 .. 2^bits - 1; 3 <= bits <= 160. */
  1: required i16 bits
  /** Length of every successor list. */
  2: required i16 successors
  /** Copies of everything stored. */
  3: required i16 replicas
}

/** Whom a request means. Another process at that address answers WrongIncarnation. */
struct Target {
  1: required binary id
  2: required i64 incarnation
}

// --- exceptions: all definite

/** Another process answers here: the one that was meant is dead. Final. */
exception WrongIncarnation {
  1: required Node actual
}

/** Alive, but a queue is full: try again later, or elsewhere. */
exception Busy {
  1: required string message
}

/** Not joined yet, or a hand-over is going on: ask again soon. */
exception NotYet {
  1: required string message
}

/** It is not here. Somebody else may have it. */
exception NotFound {
  1: required string message
}

/** Not wanted, for the reason given: final. */
exception Refused {
  1: required string message
}

/** No room for it here. Somebody else may have room. */
exception StoreFull {
  1: required string message
}

/** The bytes that came are not those of the digest; nothing was stored. */
exception Corrupt {
  1: required string message
}

/** The request breaks this contract (a length, a range, a name): final. */
exception Malformed {
  1: required string message
}

// --- the ring

/** Who answers at an address. */
struct Hello {
  1: required Node node
  2: required Ring ring
  3: required bool joined
}

/** A node nearer to the key, and which finger knows it; without one, the successor list does. */
struct Candidate {
  1: required Node node
  2: optional i16 finger
}

/** The key lies between the answering node and its successor: its live successors, the owner first. */
struct Owners {
  1: required list<Node> nodes
}

/** Nodes that precede the key, the nearest to it first. */
struct Nearer {
  1: required list<Candidate> candidates
}

/** One step of a lookup. */
union Hop {
  1: Owners owners
  2: Nearer nearer
}

/** A predecessor and a whole successor list. An entry without a host is a placeholder. */
struct Neighbourhood {
  1: required Node predecessor
  2: required list<Node> successors
}

/** What a node's trainer, or its aggregation of others' results, is doing. */
enum Activity {
  MOMENTS = 1
  TRAIN = 2
  EVALUATE = 3
  /** Exchanging weighted models with other nodes (push-sum). */
  MIX = 4
  /** Forwarding an order down the aggregation tree and adding the partial sums that come back. */
  AGGREGATE = 5
}

/** The progress of the order that a node is carrying out. `file` to `loss` describe the epoch that ended last. */
struct TrainingStatus {
  1: required string job
  2: required i32 round
  3: required Activity activity
  /** How many files the order names. */
  4: required i32 files
  5: optional string file
  6: optional i32 epoch
  7: optional double accuracy
  8: optional double loss
}

/** All that a node shows of itself. */
struct Status {
  1: required Node node
  2: required Ring ring
  3: required Node predecessor
  4: required list<Node> successors
  5: required list<Node> fingers
  6: required list<string> names
  7: required i64 stored_bytes
  /** Absent while the node is idle. */
  8: optional TrainingStatus training
}

// --- the store

/** Content `digest` of `size` bytes, called `name`, under `key`. Names are never made into paths. */
struct Entry {
  1: required binary key
  2: required string name
  3: required binary digest
  4: required i64 size
}

/**
 * An entry and its standing. Of two for one entry the later version counts (the writer's clock), of
 * equal ones the deletion. What nobody renews goes when its lease is over, deletions too.
 */
struct Item {
  1: required Entry entry
  2: required i64 version
  3: required i64 lease_ms
  4: required bool deleted
}

/** How many items an arc of the ring has, and a digest of what they are: equal digests, equal items. */
struct RangeDigest {
  1: required i32 count
  2: required i64 digest
}

/** How far a put has come: stored, or so many bytes of the content have arrived. */
struct Receipt {
  1: required bool stored
  2: required i64 received
}

// --- the work

/** One training file of a job: its place in the job's sorted file list, and its rows. */
struct TrainingFile {
  1: required i32 index
  2: required string name
  3: required binary digest
  4: required i64 size
  5: required i64 rows
}

/** Which of an order's files a node is to work on: a bitmap, bit i % 8 of byte i / 8 for place i in the job's list. */
struct Share {
  1: required Node node
  2: required binary files
}

/** How one file is trained, once. */
struct TrainConfig {
  /** sgd, adam or gd. */
  1: required string optimizer
  2: required i32 epochs
  /** Learning rate. */
  3: required double eta
  /** Rows per step; gd uses all rows. */
  4: required i32 batch
  5: required double momentum
  /** Fraction of the hidden activations that each step leaves out. */
  6: required double dropout
  /** Empty, or one float64 per class, by which the gradients of its rows are multiplied. */
  7: required binary class_weights
  /** FedProx's mu: the strength of the pull towards the initial weights. */
  8: required double mu
}

/** Which model is trained, and its layer sizes: features, hidden layers, classes. */
struct Design {
  1: required list<i32> sizes
  2: required string model
  /** Empty, or channels, height and width where a row is an image. */
  3: required list<i32> shape
  /** Use the trainer of the course instead of the optimizer. */
  4: required bool course
}

/** What every trainer of a job computes; the same in each of its orders. It never holds code. */
struct TrainingPlan {
  1: required Design design
  2: required TrainConfig config
  /** Bits after the binary point in exact sums. */
  3: required i32 fraction_bits
  /** The fingerprint that a trainer's arithmetic must have; absent: any will do. 32 bytes. */
  4: optional binary fingerprint
}

/** Sum the features of the order's files, and their squares, exactly. */
struct MomentsTask {
  1: required TrainingPlan plan
}

/** Train each of the order's files from the order's weights, and return the exact sum of the changes. */
struct TrainTask {
  1: required TrainingPlan plan
  /** Mean and standard deviation of every feature as float32, or empty for raw inputs. */
  2: required binary moments
  /** The job's seed. A file's own seed follows from it, the round, and the file's index. */
  3: required i64 seed
}

/** Evaluate the weights on the order's only file. */
struct EvaluateTask {
  1: required TrainingPlan plan
  2: required binary moments
}

/** Exchange halves of the weighted model with the nodes named in the order's shares (push-sum). */
struct MixTask {
  1: required i32 exchanges
}

/** What is to be done with the files of an order. */
union Task {
  1: MomentsTask moments
  2: TrainTask train
  3: EvaluateTask evaluate
  4: MixTask mix
}

/** Carry out a task on these files. */
struct Order {
  1: required string job
  2: required i32 round
  3: required list<TrainingFile> files
  4: required Task task
  /** Digest of the weights that the task starts from, a content written to the node before. */
  5: optional binary weights
  /** Their size in bytes. */
  6: optional i64 weights_size
  /** The node may answer Busy, so that the order goes to another node. */
  7: optional bool may_refuse
  /** For an order to be forwarded: each node's files, clockwise from the receiver to `limit`. */
  8: optional list<Share> shares
  /** The identifier at which the receiver's part of the ring ends. */
  9: optional binary limit
  /** For a round without aggregation (gossip): the driver's attempt at it. The receiver keeps its result. */
  10: optional i64 attempt
}

/** Half of what its sender holds of a round in which nobody adds: a weighted sum of models, and its weight. */
struct Push {
  1: required string job
  2: required i32 round
  3: required i64 attempt
  /** Of the sender's exchanges in this attempt. */
  4: required i32 number
  5: required Node sender
  /** Digest and size of the half itself, a content written to the receiver before. */
  6: required binary digest
  7: required i64 size
}

/** How far an order has come. */
struct Progress {
  /**
   * queued, running or done; failed, where another node would fail as well; unable, where only this one cannot;
   * unfit, where its arithmetic gives other bits than the job's.
   */
  1: required string state
  /** Why the order failed. */
  2: required string message
  /** Of a done order: the digest and size of its result, to be read like any content. */
  3: optional binary result
  4: optional i64 size
  /** Of a done order: how long it took, and the mean training loss and accuracy of the last epochs. */
  5: optional double seconds
  6: optional double loss
  7: optional double accuracy
  /** Of a running order. */
  8: optional TrainingStatus training
}

service ComputeNode {
  /** Who are you? The only call that need not know whom it means. */
  Hello hello() throws (1: NotYet not_yet),

  /** Whom to ask next for a key, other than those that have failed the asker. */
  Hop next_hop(1: Target target, 2: binary key, 3: list<Node> failed)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** Predecessor and successor list; also serves to see whether a node lives. */
  Neighbourhood neighbours(1: Target target)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet),

  /** The sender believes to be the target's predecessor. It may be lost or repeated. */
  void notify(1: Target target, 2: Node sender)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Busy busy, 4: Malformed malformed),

  /** The neighbourhood has changed: stabilise now rather than at the next tick. */
  void nudge(1: Target target) throws (1: WrongIncarnation wrong, 2: NotYet not_yet),

  /** The sender is going and may be treated as dead. */
  void leaving(1: Target target, 2: Node sender)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** All that the node shows of itself. */
  Status status(1: Target target) throws (1: WrongIncarnation wrong, 2: NotYet not_yet),

  /** Keep this. Where its content is not here yet, write the bytes and ask again. */
  Receipt put(1: Target target, 2: Item item)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: StoreFull full),

  /** A piece of a content, at most 1 MiB, in order from offset 0; a piece received before is ignored. */
  Receipt write(1: Target target, 2: binary digest, 3: i64 size, 4: i64 offset, 5: binary piece)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: StoreFull full,
            5: Corrupt corrupt),

  /** At most `length` bytes (and at most 1 MiB) of a content from `offset` on. */
  binary read(1: Target target, 2: binary digest, 3: i64 offset, 4: i32 length)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: NotFound not_found,
            5: Corrupt corrupt),

  /**
   * All that is kept under a key, deletions too; of these names, where any are given. NotYet while what the node
   * owns is still being handed over to it.
   */
  list<Item> find(1: Target target, 2: binary key, 3: list<string> names)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** What the node keeps of the keys in (start, end], as a digest to compare with. */
  RangeDigest range_digest(1: Target target, 2: binary start, 3: binary end)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** The first 256 items that the node keeps of the keys in (start, end], by key; deletions too. */
  list<Item> list_range(1: Target target, 2: binary start, 3: binary end)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** The sender drives this job: for some seconds nobody else need take it over. */
  void driving(1: Target target, 2: string job)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /**
   * Train, or sum, these files. Returns a ticket at once; the same order again returns the same
   * ticket and does nothing twice.
   */
  string order(1: Target target, 2: Order order)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: Busy busy),

  /** Take a half: it counts once, however often it is pushed. NotFound: it was not taken, the round is over here. */
  void push(1: Target target, 2: Push push)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: NotFound not_found),

  /** How far the order of a ticket has come: as soon as it is done or failed, or after `wait_ms` (<= 5000). */
  Progress collect(1: Target target, 2: string ticket, 3: i32 wait_ms)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: NotFound not_found),
}

/** Admission: a name, the ring's parameters, and a live member to join through; without one, be the first. */
struct Grant {
  1: required Node node
  2: required Ring ring
  3: optional Node bootstrap
}

/** The sender counts as alive for so long; and some other live member, to notice a second ring by. */
struct Lease {
  1: required i32 milliseconds
  2: optional Node other
}

/** The live members, in the order of their identifiers. */
struct Members {
  1: required Ring ring
  2: required list<Node> nodes
}

service Supernode {
  /** A new incarnation for the process that listens there. Written to the journal before it is answered. */
  Grant admit(1: string host, 2: i32 port)
    throws (1: Refused refused, 2: NotYet not_yet, 3: Malformed malformed),

  /** The sender is a joined member and alive; to be repeated well within the lease. */
  Lease report(1: Node node) throws (1: Refused refused, 2: Malformed malformed),

  /** The sender has left. */
  void retire(1: Node node) throws (1: Malformed malformed),

  /** Whom the supernode holds for alive. */
  Members members(),
}
