"""Starts the FastCGI half for the front in ``front.js``, from the package that lies beside it.

The application's own interpreter need not have this suite installed: the package is loaded from
where it is, without its directory coming onto ``sys.path``.
"""

import importlib.util
import sys
from pathlib import Path

# In a checkout servers/ stands beside the package, in an installation below it.
ABOVE = Path(__file__).resolve().parents
PLACES = (ABOVE[2] / "conformance", ABOVE[2])


def load_package():
    """Import the package from its place under its own name."""
    place = next(place for place in PLACES if (place / "reference").is_dir())
    spec = importlib.util.spec_from_file_location(
        "conformance", place / "__init__.py", submodule_search_locations=[str(place)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["conformance"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    if sys.version_info < (3, 11):
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.exit(f"front.js: needs Python 3.11 or later, and {sys.executable} is {found}; --python")
    del sys.path[0]  # the directory of this file
    load_package()
    from conformance.reference.fastcgi_command import main

    sys.exit(main())
