"""Identities, the authority that certifies them, and signatures. Knows nothing of the ring.

identity    the value: a role and a name in a ring, as a certificate states it
errors      everything that can be wrong with a kit, a certificate or a signature
kit_file    a kit as a file: one private key, its certificate and the ring's authority
kit         the same, parsed, to sign and to verify
authority   the ring's authority in a folder: issues kits and revokes them
files       the files of an authority: whole, or not at all
signatures  of records and of the revocation list: made with a kit, and verified by anybody
revocation  the value: which certificates are revoked
masking_key     a site's key for secure aggregation: shared seeds, sealed boxes, streams
secret_sharing  Shamir's shares of a secret

Only kit, authority, signatures and masking_key need the package `cryptography`.
"""
