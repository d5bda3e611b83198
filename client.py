"""The client: train on the ring, inspect it, and use what was trained.

python3 client.py ./letters validate_letters.txt
python3 client.py jobs | attach JOB | status | lookup NAME | predict MODEL FILE | ...
"""

from roundelay.cli.environment import launch

if __name__ == "__main__":
    launch("client")
