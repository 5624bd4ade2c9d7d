"""Where events may be sent: no spelling of an address that is not public gets through."""

from ipaddress import ip_address, ip_network

import pytest

from domain.event_delivery.targets import LONGEST_URL, ForbiddenTarget, Target, TargetRules

DATABASE = 5432
RULES = TargetRules(forbidden_ports=frozenset({DATABASE}))
PRIVATE = TargetRules(networks=[ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16"), ip_network("::1/128")])

_FORBIDDEN = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254
172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.9 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1
64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1:: 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 3fff::1
5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 4000::1
"""
"""Addresses of machines, private networks and protocols, in all the ways in which IPv6 contains IPv4."""
_PUBLIC = "1.1.1.1 93.184.216.34 172.15.0.1 172.32.0.1 192.0.1.1 198.20.0.1 64:ff9b::1.1.1.1 2606:4700::1"
REFUSED_URLS = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.0x1/",
    "https://127.000.000.001/",
    "https://[::1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[v1.fe80]/",
    "https://[127.0.0.1]/",
    "https://[1.1.1.1/",
    "https://１２７.0.0.1/",
    "https://①.example/",
    "https://bücher.example/",
    "https://example.com./",
    "https://.example.com/",
    "https://exa mple.com/",
    "https://example..com/",
    "https://-example.com/",
    "https://example.com%2f@127.0.0.1/",
    "https://user@example.com/",
    "https://user:word@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com#@127.0.0.1/",
    "https://example.com/#part",
    "https://example.com/#",
    "https://example.com/\n",
    "https://example.com/a\tb",
    " https://example.com/",
    "https://example.com/é",
    "https://",
    "https:///events",
    "https:example.com",
    "//example.com/",
    "example.com",
    "",
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "https://example.com:0/",
    "https://example.com:22/",
    "https://example.com:80/",
    "https://example.com:1023/",
    f"https://example.com:{DATABASE}/",
    "https://example.com:65536/",
    "https://example.com:-443/",
    "https://example.com:４４３/",
    f"https://example.com/{'a' * LONGEST_URL}",
    f"https://{'a' * 64}.example/",
    f"https://{'a.' * 130}example/",
]


@pytest.mark.parametrize("address", _FORBIDDEN.split())
def test_an_address_that_is_not_public_is_forbidden(address: str) -> None:
    with pytest.raises(ForbiddenTarget):
        RULES.check(ip_address(address), "https")


@pytest.mark.parametrize("address", _PUBLIC.split())
def test_a_public_address_is_allowed_by_https_alone(address: str) -> None:
    RULES.check(ip_address(address), "https")
    with pytest.raises(ForbiddenTarget):
        PRIVATE.check(ip_address(address), "http")


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_to_which_nothing_may_be_sent_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenTarget):
        RULES.target(url)


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://Billing.Example", Target("https", "billing.example", 443, "/"), "billing.example"),
        ("HTTPS://a.example:443/x?y=z", Target("https", "a.example", 443, "/x?y=z"), "a.example"),
        ("https://a_b.example:8443/x/", Target("https", "a_b.example", 8443, "/x/"), "a_b.example:8443"),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/"), "xn--bcher-kva.example"),
        ("https://1.1.1.1/", Target("https", "1.1.1.1", 443, "/"), "1.1.1.1"),
        ("https://[2606:4700:0::1]:8443", Target("https", "2606:4700::1", 8443, "/"), "[2606:4700::1]:8443"),
    ],
)
def test_a_url_is_taken_apart_once(url: str, target: Target, authority: str) -> None:
    assert RULES.target(url) == target
    assert target.authority == authority


def test_a_network_that_the_operator_allows_is_reached_by_http_too() -> None:
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "::1"):
        PRIVATE.check(ip_address(address), "http")
        PRIVATE.check(ip_address(address), "https")
    assert PRIVATE.target("http://10.1.2.3/x").port == 80
    assert PRIVATE.target("http://billing:8080/x") == Target("http", "billing", 8080, "/x")
    for url in ("http://10.2.0.1/", "https://10.2.0.1/", "https://169.254.169.254/", "http://1.1.1.1/"):
        with pytest.raises(ForbiddenTarget):
            PRIVATE.target(url)
