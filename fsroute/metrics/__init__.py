"""What an operator's Prometheus reads: `sights.py` (values), `measures.py` (counted as it happens), `center.py` (read from
the database by who leads), `exporter.py` (HTTP). ``monitoring/`` holds a dashboard for Grafana and rules for alerts.
"""
