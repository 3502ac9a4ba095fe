"""Sessions over sockets as the official SDK holds them: the same that the tools hold."""

from functools import reduce

from openai import OpenAI
from plans import play


async def main(plan):
    for row in plan["rows"]:
        place, arguments = row["connect"]
        with OpenAI(**plan["client"]) as client, reduce(getattr, place.split("."), client).connect(**arguments) as connection:
            for kind, fields in row["sent"]:
                try:
                    send = reduce(getattr, kind.split("."), connection)
                except AttributeError:
                    # The SDK has no helper for it.
                    connection.send({"type": kind, **fields})
                else:
                    send(**fields)
    print(f"ok {plan['protocol']}")


play(main)
