"""The application server: bundles and look-ups for the sites that run this site's applications."""
