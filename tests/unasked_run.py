"""``python -m tests.unasked_run``: the program `fsroute`, which looks at nothing unasked (`tests.unasked`)."""

from gevent import monkey

monkey.patch_all()

from fsroute.__main__ import main  # noqa: E402
from tests.unasked import put_off  # noqa: E402

if __name__ == "__main__":
    put_off()
    main()
