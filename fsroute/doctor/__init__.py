"""What is wrong with a host, and how to mend it: facts from the edge, each check a pure function of them."""
