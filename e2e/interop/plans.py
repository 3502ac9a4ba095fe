"""What a script does for each of the plans that it is told."""

import asyncio
import json
import sys


def play(main):
    """Runs it for each plan of the file that the script was started with."""
    with open(sys.argv[1], encoding="utf-8") as file:
        plans = json.load(file)
    for plan in plans:
        asyncio.run(main(plan))
