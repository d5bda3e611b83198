"""Identities, the authority that certifies them, and signatures. Knows nothing of the ring.

identity    the value: a role and a name in a ring, as a certificate states it
errors      everything that can be wrong with a kit, a certificate or a signature
kit         a kit file: one private key, its certificate and the ring's authority
authority   the ring's authority in a folder: issues kits and revokes them
signatures  of records: made with a kit, and verified by anybody
revocation  the authority's signed list of revoked certificates
"""
