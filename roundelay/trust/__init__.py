"""Identities, the authority that certifies them, and signatures. Knows nothing of the ring.

identity    the value: a role and a name in a ring, as a certificate states it
errors      everything that can be wrong with a kit, a certificate or a signature
kit_file    a kit as a file: one private key, its certificate and the ring's authority
kit         the same, parsed, to sign and to verify
authority   the ring's authority in a folder: issues kits and revokes them
signatures  of records and of the revocation list: made with a kit, and verified by anybody
revocation  the value: which certificates are revoked

Only kit, authority and signatures need the package `cryptography`.
"""
