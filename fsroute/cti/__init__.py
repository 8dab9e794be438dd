"""The CTI processor: what a site's switch does, as activity in the database."""
