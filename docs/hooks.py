"""What MkDocs calls: adds the pages that are made of something else than a file under docs/."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from conformance.cli.listings import reference
from conformance.cli.suite import load_suite

ROOT = Path(__file__).resolve().parent.parent
PARTIES = {
    "server": "Rules for servers",
    "application": "Rules for applications",
    "middleware": "Rules for middleware",
    "framework": "Rules for frameworks",
}
COPIED = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}


def pages() -> dict[str, str]:
    """Return the text of each page that is made."""
    suite = load_suite()
    gateway = [rule for rule in suite.rules.values() if rule.family == "PEP 3333"]
    made = {
        f"rules/{party}.md": reference(
            suite, [rule for rule in gateway if rule.party == party], title
        )
        for party, title in PARTIES.items()
    }
    others = [rule for rule in suite.rules.values() if rule.family != "PEP 3333"]
    made["rules/http.md"] = reference(suite, others, "Rules of HTTP and CGI")
    for page, file in COPIED.items():
        # Seen from the repository, the pages lie in docs/.
        text = (ROOT / file).read_text(encoding="utf-8")
        made[page] = re.sub(r"\]\(docs/", "](", text)
    return made


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them."""
    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    return files
