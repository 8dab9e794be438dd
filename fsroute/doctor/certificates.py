"""Reads certificates: those in files, and those that servers show."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from gevent import socket

from fsroute.config import Config, Role
from fsroute.doctor.facts import Certificate

PATIENCE = 3.0  # seconds to connect, and for the handshake
LONGEST_FILE = 1_000_000  # bytes


def files(config: Config) -> tuple[str, ...]:
    """The certificates in files that the configuration names."""
    named = []
    if Role.APPSERVER in config.roles and config.appserver.sites:
        named.append(config.appserver.certificate)
    named += [each.ca_file for each in config.applications_from]
    named += [each.ca_file for each in config.customers]
    return tuple(dict.fromkeys(each for each in named if each))


def servers(config: Config) -> tuple[str, ...]:
    """The HTTPS servers that this host asks, as URLs."""
    urls = [url for each in config.applications_from for url in each.urls]
    urls += [each.url for each in config.customers if each.url]
    return tuple(dict.fromkeys(url for url in urls if url.startswith("https://")))


def look(config: Config) -> tuple[Certificate, ...]:
    """All of them; each with the first of its certificates to end."""
    return (*map(of_file, files(config)), *map(of_server, servers(config)))


def of_file(path: str) -> Certificate:
    """The certificate in a PEM file that ends first."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(LONGEST_FILE)
        return _first_to_end(path, x509.load_pem_x509_certificates(content))
    except (OSError, ValueError) as error:
        return Certificate(path, fault=f"no certificate can be read: {error}")


def of_server(url: str) -> Certificate:
    """The certificate that an HTTPS server shows, whoever signed it: the client itself checks that."""
    parts = urlsplit(url)
    where = f"https://{parts.hostname}:{parts.port or 443}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((parts.hostname or "", parts.port or 443), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as sock,
        ):
            shown = sock.getpeercert(binary_form=True)
        return _first_to_end(where, [x509.load_der_x509_certificate(shown or b"")])
    except (OSError, ValueError) as error:
        return Certificate(where, fault=f"no certificate is shown: {error}")


def _first_to_end(where: str, found: list[x509.Certificate]) -> Certificate:
    first = min(found, key=lambda each: each.not_valid_after_utc)
    return Certificate(where, first.not_valid_after_utc, first.not_valid_before_utc)
