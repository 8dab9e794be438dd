"""The program `fsroute`. gevent patches first: psycopg chooses how it waits when it is imported."""

from gevent import monkey

monkey.patch_all()

from fsroute.cli.main import cli  # noqa: E402


def main() -> None:
    """What the console script and ``python -m fsroute`` run."""
    cli(prog_name="fsroute")


if __name__ == "__main__":
    main()
