/**
 * Roundelay's contract between processes.
 *
 * The caller sets a deadline for every call. A call without an answer is indefinite: it may or may
 * not have happened. Every call is therefore idempotent and may be repeated. An exception is
 * definite: the request was not carried out.
 *
 * Identifiers and keys are big-endian integers of 20 bytes, whatever the number of bits of the ring.
 * Digests are SHA-256, 32 bytes. Arrays of numbers travel as little-endian binary, never as lists.
 */
namespace py roundelay.rpc.gen

/**
 * The version of this contract. It grows when a process of an earlier release would misunderstand a
 * message; a new optional field does not change it. Releases that did not name their version: 1.
 */
const i16 PROTOCOL = 3

/** One life of a node. A node that restarts has a new incarnation and is a new member of the ring. */
struct Node {
  1: required binary id
  2: required string host
  3: required i32 port
  4: required i64 incarnation
}

/** The parameters that all nodes of a ring share. A joining node gets them from the supernode. */
struct Ring {
  /** Identifiers are 0 .. 2^bits - 1; 3 <= bits <= 160. */
  1: required i16 bits
  /** Length of each successor list. */
  2: required i16 successors
  /** Number of copies of each stored entry. */
  3: required i16 replicas
  /** The PROTOCOL of the process that says this. A process that speaks another one does not enter the ring. */
  4: optional i16 protocol
}

/** The node that a request is meant for. Any other process at that address answers WrongIncarnation. */
struct Target {
  1: required binary id
  2: required i64 incarnation
}

// --- exceptions, all definite

/** Another process listens here; the target is dead. Final. */
exception WrongIncarnation {
  1: required Node actual
}

/** The node is alive, but a queue is full: try again later, or another node. */
exception Busy {
  1: required string message
}

/** The node has not joined yet, or is still receiving a hand-off: try again soon. */
exception NotYet {
  1: required string message
}

/** This node does not have it. Another may. */
exception NotFound {
  1: required string message
}

/** The request is refused for the reason given. Final. */
exception Refused {
  1: required string message
}

/** There is no room for it on this node. Another may have room. */
exception StoreFull {
  1: required string message
}

/** The bytes do not match the digest; nothing was stored. */
exception Corrupt {
  1: required string message
}

/** The request violates this contract: a length, a range or a name. The message names the field. Final. */
exception Malformed {
  1: required string message
}

/** The node does not own the key. `nearer` is where to look for its owner. */
exception NotOwner {
  1: required Node nearer
}

// --- the ring

/** The node that answers at an address. */
struct Hello {
  1: required Node node
  2: required Ring ring
  3: required bool joined
}

/** A node nearer to the key, and the finger that points to it; without a finger, it is in the successor list. */
struct Candidate {
  1: required Node node
  2: optional i16 finger
}

/** The lookup ends: the live successors of the key, its owner first. */
struct Owners {
  1: required list<Node> nodes
}

/** The lookup goes on: nodes that precede the key, the nearest to it first. */
struct Nearer {
  1: required list<Candidate> candidates
}

/** One step of a lookup. */
union Hop {
  1: Owners owners
  2: Nearer nearer
}

/** A node's predecessor and its whole successor list. An entry without a host is a placeholder. */
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
  /** Describing private data to a job that is to come. */
  DESCRIBE = 6
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

/** A leaf, which only dials out, as the node that it is attached to knows it. */
struct LeafStatus {
  1: required Node node
  /** How long the node has not heard of it, in milliseconds. */
  2: required i64 silent_ms
  /** How many of its orders are not finished. */
  3: required i32 orders
  4: optional TrainingStatus training
}

/** The state of a node, for tools and dashboards. */
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
  /** The leaves that are attached to the node. */
  9: optional list<LeafStatus> leaves
}

// --- the store

/** The content with this digest and size, stored under `key` by this name. Names are never used as paths. */
struct Entry {
  1: required binary key
  2: required string name
  3: required binary digest
  4: required i64 size
}

/**
 * A version of an entry. The later version of an entry wins (by its writer's clock); of equal versions,
 * the deletion wins. An item expires when its lease is not renewed; so does a deletion.
 */
struct Item {
  1: required Entry entry
  2: required i64 version
  3: required i64 lease_ms
  4: required bool deleted
  /** In a secured ring: the signature of all but the lease (64 bytes, Ed25519), and the signer's certificate. */
  5: optional binary signature
}

/**
 * An item and, unless the receiver is expected to have it, its whole content. At most 1 MiB in one message. A content
 * that is shorter than announced is packed: see roundelay/store/packing.py.
 */
struct Parcel {
  1: required Item item
  2: optional binary content
}

/** The number of items on an arc of the ring, and a digest of them: equal digests mean equal items. */
struct RangeDigest {
  1: required i32 count
  2: required i64 digest
}

/** The progress of a put: stored, or the number of bytes of the content that have arrived. */
struct Receipt {
  1: required bool stored
  2: required i64 received
}

// --- training

/** One training file of a job. `index` is its place in the job's sorted list of files. */
struct TrainingFile {
  1: required i32 index
  2: required string name
  3: required binary digest
  4: required i64 size
  5: required i64 rows
}

/** The files of an order that a node works on, as a bitmap: bit i % 8 of byte i / 8 stands for index i. */
struct Share {
  1: required Node node
  2: required binary files
}

/** How one file is trained, once. */
struct TrainConfig {
  /** sgd, adam, gd, or MODULE:NAME. */
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
  /** Largest norm of a step's gradient: a longer one is scaled down; 0: no limit. */
  9: required double clip
  /** Differential privacy: largest norm of a file's change, which then counts once. Absent: none, and rows count. */
  10: optional double update_clip
  /** Standard deviation of the noise that a site adds to its sum, in clips. Absent: none. */
  11: optional double update_noise
}

/** Which model is trained, and its layer sizes: features, hidden layers, classes (1 in a regression). */
struct Design {
  1: required list<i32> sizes
  2: required string model
  /** Empty, or channels, height and width where a row is an image. */
  3: required list<i32> shape
  /** Use the trainer of the course instead of the optimizer. */
  4: required bool course
  /** native, or portable: the same bits on every machine. */
  5: required string arithmetic
  /** "classification" or "regression". */
  6: required string task
  /** What training minimises: MODULE:NAME. Absent: the loss of the task. */
  7: optional string loss
}

/** How each site makes a model of its own from the shared one. */
struct PersonalPlan {
  /** head, ditto or fine-tune. */
  1: required string method
  /** Passes over the site's rows. */
  2: required i32 epochs
  /** Ditto's lambda: the strength of the pull towards the shared model. */
  3: required double pull
}

/** What every trainer of a job computes; the same in each of its orders. It never holds code. */
struct TrainingPlan {
  1: required Design design
  2: required TrainConfig config
  /** Bits after the binary point in exact sums. */
  3: required i32 fraction_bits
  /** The fingerprint that a trainer's arithmetic must have; absent: any will do. 32 bytes. */
  4: optional binary fingerprint
  /** How the sites of private files read them: JSON, UTF-8; absent: files are placed. */
  5: optional binary reading
  /** Absent: sites have no models of their own. */
  6: optional PersonalPlan personal
}

/** Sum the features of the order's files, and their squares, exactly. */
struct MomentsTask {
  1: required TrainingPlan plan
}

/** What a training returns of its files. */
enum Updates {
  /** One exact sum of all changes. */
  SUM = 1
  /** The same, with each change divided by its local steps (FedNova). */
  NORMALISED_SUM = 2
  /** Each file's change by itself, one vector after the other. */
  EACH = 3
  /** The same, with the loss before the training behind each: an int64 in units of 2^-40. */
  EACH_WITH_LOSS = 4
  /**
   * One exact sum of all changes, and behind it that of the gradients of each file's mean loss at the weights (SCAFFOLD),
   * each times the file's rows. From the second round on, the order's weights are followed by the weights of the round
   * before and the mean of the gradients at them.
   */
  SUM_WITH_GRADIENT = 5
}

/** Train each of the order's files from the order's weights, and return the exact sum of the changes, or each. */
struct TrainTask {
  1: required TrainingPlan plan
  /** Mean and standard deviation of every feature as float32, or empty for raw inputs. */
  2: required binary moments
  /** The job's seed. A file's own seed follows from it, the round, and the file's index. */
  3: required i64 seed
  /** Return a receipt of each file behind the sum: the SHA-256 of its change, in the order of the files. */
  4: optional bool receipts
  /** Absent: the sum. */
  5: optional Updates updates
  /**
   * Each update is rounded to integers of units, at random by its file's seed, and the sum counts those. One signed byte
   * for 256 weights: the exponent of a power of two. Absent: updates are exact, in 2^-fraction_bits.
   */
  6: optional binary units
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

/** Evaluate the weights on the rows that the order's files, which are private, hold out. Returns exact counts (JSON). */
struct HeldOutTask {
  1: required TrainingPlan plan
  2: required binary moments
}

/**
 * Make the site's own model from the weights and the order's files, which are all that the site has of the job, and
 * evaluate it as HeldOutTask does. The model stays at the site.
 */
struct PersonalTask {
  1: required TrainingPlan plan
  2: required binary moments
  /** The job's. */
  3: required i64 seed
}

/** Say what the order's files, which are private, look like when they are read so (JSON, UTF-8). Returns no row. */
struct DescribeTask {
  1: required binary reading
}

/**
 * Say whether the order's files, which are private and read so, hold many of the rows with these digests, 8 bytes each.
 * Returns one byte: 1 or 0.
 */
struct CompareTask {
  1: required binary reading
  2: required binary rows
}

/** Count the values of the columns of numbers of the order's files, which are private, in cells of many rows (JSON). */
struct HistogramTask {
  1: required TrainingPlan plan
}

/** A site of a secure sum: its address, its public key (X25519), and the files that it computes on, as a bitmap. */
struct MaskedSite {
  1: required string address
  2: required binary key
  3: required binary files
}

/** The sites between which masks are shared, by address, and how many of them a sum must have to be revealed. */
struct Masking {
  1: required i32 threshold
  2: required list<MaskedSite> sites
}

/**
 * First phase of a secure sum: tell the site's key, promise to answer no driver that began earlier, and tell for which
 * set of sites shares have been revealed. The answer is JSON: roundelay/federation/secure_sum.py.
 */
struct PromiseTask {
  1: required binary sum_id
  2: required i64 began
  3: required string driver
}

/** Last phase of a secure sum: reveal this site's shares of the masks that are left in the sum over these sites. */
struct RevealTask {
  1: required binary sum_id
  2: required i64 began
  3: required string driver
  4: required Masking masking
  /** The places of the sites in the sum, as a bitmap. */
  5: required binary included
  /** For the receiver, from each of them: its shares of the seeds of its masks, sealed. */
  6: required list<binary> boxes
}

/** What is to be done with the files of an order. */
union Task {
  1: MomentsTask moments
  2: TrainTask train
  3: EvaluateTask evaluate
  4: MixTask mix
  5: DescribeTask describe
  6: HeldOutTask held_out
  7: PromiseTask promise
  8: RevealTask reveal
  9: PersonalTask personal
  10: CompareTask compare
  11: HistogramTask histogram
}

/** Carry out a task on these files. */
struct Order {
  1: required string job
  2: required i32 round
  3: required list<TrainingFile> files
  4: required Task task
  /**
   * Digest of the weights that the task starts from, and of what follows them (SUM_WITH_GRADIENT): a content that comes with
   * the order or was written before.
   */
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
  /** Of its job, if it is not 1: the share of the node's time that the job gets beside other jobs. */
  11: optional double priority
  /** The result leaves masked, for a secure sum over these sites, with sealed shares of the masks' seeds behind it. */
  12: optional Masking masking
  /** Digest of weights that the receiver should have: the content that comes with the order is the delta to them. */
  13: optional binary base
}

/** Half of the weighted model that its sender holds in a round without aggregation (push-sum). */
struct Push {
  1: required string job
  2: required i32 round
  3: required i64 attempt
  /** Counts the sender's exchanges in this attempt, so that a repeated push counts once. */
  4: required i32 number
  5: required Node sender
  /** Digest and size of the weighted model, a content written to the receiver before. */
  6: required binary digest
  7: required i64 size
}

/** The progress of an order. */
struct Progress {
  /**
   * queued, running, done, failed (any node would fail), unable (another node may succeed),
   * unfit (this node's arithmetic gives different bits from the job's), or
   * unstable (training left the range of numbers, as it would on any node with this step).
   */
  1: required string state
  /** The reason why an order has failed. */
  2: required string message
  /** For a done order: digest and size of its result. A result without `content` is read like any content. */
  3: optional binary result
  4: optional i64 size
  /** For a done order: its duration, and the mean training loss and accuracy of the last epochs. */
  5: optional double seconds
  6: optional double loss
  7: optional double accuracy
  /** For a running order. */
  8: optional TrainingStatus training
  /** For a done order: its whole result, if that has at most 1 MiB. A content shorter than `size` is packed. */
  9: optional binary content
}

/** How an order at a leaf is doing. A result comes along only where the leaf delivers it. */
struct LeafTicket {
  1: required string ticket
  2: required Progress progress
}

/** An order for a leaf, with its weights if they have at most 1 MiB; larger ones are read. */
struct LeafOrder {
  1: required Order order
  2: required binary content
}

/** What a node has for a leaf: orders until the leaf says that it has taken them, and tickets whose result it lacks. */
struct Errands {
  1: required list<LeafOrder> orders
  2: required list<string> wanted
}

/** What the records of one node say of a job, as a listing shows it. It is the node's word: nothing here is signed. */
struct ListedJob {
  1: required string job
  /** waiting, running, paused, done, failed, cancelled, replaced; diverged; malformed (its spec cannot be read). */
  2: required string state
  /** The last round that is stored, and how many the settings allow. */
  3: required i64 round
  4: required i64 rounds
  /** Validation error of the round whose model is kept, so far. */
  5: optional double validation_error
  /** Digest of the RESULT of the last round. */
  6: optional binary result
  /** Of the last round. */
  7: required string driver
  /** Why the job failed, waits or cannot be read, or what replaces it. */
  8: required string reason
  /** Id of the job that this one is, without some of its files. */
  9: optional binary forgets
  /** Name of the private data that the job trains on. */
  10: required string pinned
  /** Lines about records that cannot be read, and about nodes that have lied: at most 64 each. */
  11: required list<string> malformed
  12: required list<string> liars
  /** Addresses of the private sites that trained the last round, at most 1024. */
  13: required list<string> sites
  /** Whether two drivers may have stored different RESULTs of a round, as nobody can repeat it. */
  14: optional bool may_fork
  /** When its spec was published, by the clock of its client: nanoseconds since 1970. */
  15: required i64 started
  /** The number of its training files. */
  16: required i64 files
  /** NAME=VALUE of each setting that differs from its default: at most 128, of at most 120 characters each. */
  17: required list<string> settings
}

service ComputeNode {
  /** Return the node that answers here. The only call without a target. */
  Hello hello() throws (1: NotYet not_yet),

  /** Return the next step of a lookup, avoiding the nodes that have failed to answer the caller. */
  Hop next_hop(1: Target target, 2: binary key, 3: list<Node> failed)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** Return predecessor and successor list. Also serves as the probe of the failure detector. */
  Neighbourhood neighbours(1: Target target)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet),

  /** Handle a claim by `sender` to be the target's predecessor (Zave's rectify). May be lost or repeated. */
  void notify(1: Target target, 2: Node sender)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Busy busy, 4: Malformed malformed),

  /** Stabilize now instead of at the next tick, because the neighbourhood has changed. */
  void nudge(1: Target target) throws (1: WrongIncarnation wrong, 2: NotYet not_yet),

  /** Treat `sender` as dead: it is leaving. */
  void leaving(1: Target target, 2: Node sender)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** Return the state of the node, for tools and dashboards. */
  Status status(1: Target target) throws (1: WrongIncarnation wrong, 2: NotYet not_yet),

  /**
   * Store items, at most 256, one after the other. If a receipt says that a content has not arrived, write its bytes
   * and put again. With `to_owner` nothing is stored unless the receiver owns the keys of all items. After any
   * other exception, items before the one that it is about may have been stored.
   */
  list<Receipt> put(1: Target target, 2: list<Parcel> parcels, 3: bool to_owner)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: StoreFull full,
            5: Corrupt corrupt, 6: NotOwner not_owner),

  /**
   * Receive a piece of a content, at most 1 MiB. Pieces may come in any order, up to 16 MiB ahead of the first that is
   * missing. A repeated piece is ignored.
   */
  Receipt write(1: Target target, 2: binary digest, 3: i64 size, 4: i64 offset, 5: binary piece)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: StoreFull full,
            5: Corrupt corrupt),

  /** Return at most `length` bytes (and at most 1 MiB) of a content, from `offset` on. */
  binary read(1: Target target, 2: binary digest, 3: i64 offset, 4: i32 length)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: NotFound not_found,
            5: Corrupt corrupt),

  /**
   * Return all items under a key, deletions included; if names are given, only theirs. Raises NotYet while the
   * node is still receiving the hand-off of what it owns.
   */
  list<Item> find(1: Target target, 2: binary key, 3: list<string> names)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** Return the digest of the node's items with keys in (start, end], for anti-entropy. */
  RangeDigest range_digest(1: Target target, 2: binary start, 3: binary end)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** Return the node's first 256 items with keys in (start, end], ordered by key, deletions included. */
  list<Item> list_range(1: Target target, 2: binary start, 3: binary end)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /** Return what the node's records say of a job. Raises NotFound if it has no spec of it. */
  ListedJob list_job(1: Target target, 2: string job)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: NotFound not_found,
            5: Corrupt corrupt),

  /** The heartbeat of a job's driver: for some seconds no other node takes the job over. */
  void driving(1: Target target, 2: string job)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed),

  /**
   * Accept an order, and return its ticket at once. The same order has the same ticket, and is carried out once.
   * `content` holds the order's weights, at most 1 MiB; it is empty where the receiver has them or will fetch them, and
   * packed if it is shorter than announced. Raises NotFound if it is a delta, and the receiver lacks its base.
   */
  string order(1: Target target, 2: Order order, 3: binary content)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: Busy busy, 5: StoreFull full,
            6: Corrupt corrupt, 7: NotFound not_found),

  /** Receive half of a weighted model, which counts once. Raises NotFound if it was not taken: the round is over. */
  void push(1: Target target, 2: Push push)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: NotFound not_found),

  /** Return the progress of an order as soon as it has ended, or after `wait_ms` (<= 5000); `packed`: its result packed. */
  Progress collect(1: Target target, 2: string ticket, 3: i32 wait_ms, 4: bool packed)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: NotFound not_found),

  /**
   * Attach a leaf to the target, or keep it attached. Its orders and their polls then come to the target, which answers
   * for it; `order`, `collect`, `write` and `read` may be called with the leaf's own id and incarnation as their target.
   * `number` grows with every call: what an overtaken call says of `tickets` is ignored. `taken`: orders that
   * have arrived. Returns as soon as there is something to do, or after `wait_ms` (<= 5000).
   */
  Errands attach(1: Target target, 2: Node leaf, 3: i64 number, 4: list<LeafTicket> tickets, 5: list<string> taken,
                 6: i32 wait_ms)
    throws (1: WrongIncarnation wrong, 2: NotYet not_yet, 3: Malformed malformed, 4: Busy busy),
}

/** Admission: an identity, the ring's parameters, and a member to join through; without one, found the ring. */
struct Grant {
  1: required Node node
  2: required Ring ring
  3: optional Node bootstrap
}

/** How long the sender counts as alive; and another live member, by which a second ring is noticed. */
struct Lease {
  1: required i32 milliseconds
  2: optional Node other
}

/** The live members, ordered by identifier. */
struct Members {
  1: required Ring ring
  2: required list<Node> nodes
}

service Supernode {
  /**
   * Grant a new incarnation to the process that listens there and speaks this version of the
   * protocol. Journalled before it is answered.
   */
  Grant admit(1: string host, 2: i32 port, 3: i16 protocol)
    throws (1: Refused refused, 2: NotYet not_yet, 3: Malformed malformed),

  /** The heartbeat of a member, to be repeated well within the lease. */
  Lease report(1: Node node) throws (1: Refused refused, 2: Malformed malformed),

  /** Remove a member that has left. */
  void retire(1: Node node) throws (1: Malformed malformed),

  /** Return the members that the supernode considers alive. */
  Members members(),
}
