"""Visitors and owners of short links.

Closed loop, with Locust's web UI: locust -f loadtests/url_shortener/locustfile.py --host http://127.0.0.1:8000
Open loop: ./lab swarm url_shortener
"""

from loadtests.user import DesignUser
from sdlab.catalog import load_design


class UrlShortenerUser(DesignUser):
    design = load_design("url_shortener")

    def redirect(self) -> None:
        self.client.get(f"/{self.next_code()}", name="redirect", expect=302)

    def create(self) -> None:
        self.client.post("/links", json={"url": f"https://example.com/{self.next_unique()}"}, name="create", expect=201)

    def statistics(self) -> None:
        self.client.get(f"/links/{self.next_code()}/statistics", name="statistics", expect=200)

    def list(self) -> None:
        self.client.get("/links?limit=20", name="list", expect=200)
