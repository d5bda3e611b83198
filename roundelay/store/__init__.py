"""The replicated store: every item is on its key's owner and on the owner's next successors, on a lease.

Keys are placed by consistent hashing on the ring of `chord`; replication follows Dynamo (DeCandia et al., SOSP 2007).

anti_entropy  compare an arc of two nodes by digests, and copy what is missing
blobs         contents by digest, in memory
bulk_put      records of many keys, in few round trips
index         the entries of a node's store by key, on leases, and lists of them
items         the values of the store, and the requests about them
names         which names an entry may have
delta         weights as the difference to those of the round before
own_contents  a node's contents as its own procedures use them, without a copy
packing       a content in fewer bytes, for links that take long
read_path     find, get and fetch, with read repair
replication   keep all copies in their places: hand-off, anti-entropy, release
running_hash  the SHA-256 of a content whose pieces come in any order
staging       contents that are incomplete, or not yet named by an entry
store         the state of one node's store, and the handlers of its requests
transfer      a content between this process and a node, whole or in pieces
write_path    put, put_copies and copy_from
"""
