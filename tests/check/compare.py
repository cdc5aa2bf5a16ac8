"""Compares a report of the image check with virt-inspector's XML: `compare.py NAME OURS.json THEIRS.xml`."""

import json
import sys
import xml.etree.ElementTree as ElementTree


# Distributions that libguestfs calls otherwise than they call themselves.
NAMES = {"alpinelinux": "alpine", "amazonlinux": "amzn", "oraclelinux": "ol", "redhat-based": "rhel"}


def version_of(application: ElementTree.Element, kind: str) -> str:
    """An application's version as the package manager writes it."""
    text = {field: application.findtext(field) or "" for field in ("epoch", "version", "release")}
    # apk writes the release with an r before it, which libguestfs takes away.
    separator = "-r" if kind == "apk" else "-"
    version = text["version"] + (f"{separator}{text['release']}" if text["release"] else "")
    return f"{text['epoch']}:{version}" if text["epoch"] not in ("", "0") and kind != "apk" else version


def theirs(path: str) -> dict:
    system = ElementTree.parse(path).getroot().find("operatingsystem")
    if system is None:
        return {}
    kind = system.findtext("package_format") or ""
    major, minor = system.findtext("major_version"), system.findtext("minor_version")
    return {
        "kind": system.findtext("name"),
        "distribution": NAMES.get(system.findtext("distro"), system.findtext("distro")),
        "version": f"{major}.{minor}",
        "architecture": system.findtext("arch"),
        "host name": system.findtext("hostname"),
        "packages": {(a.findtext("name"), version_of(a, kind)) for a in system.iter("application")},
    }


def ours(path: str) -> dict:
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    system = report["os"]
    if system is None:
        return {}
    return {
        "kind": system["kind"],
        "distribution": system["distribution"],
        # virt-inspector knows two parts of a version.
        "version": ".".join((system["version"].split(".") + ["0"])[:2]),
        "architecture": system["architecture"],
        "host name": system["host_name"],
        "packages": {(package["name"], package["version"].removeprefix("0:")) for package in report["packages"]},
    }


def main() -> int:
    name, left, right = sys.argv[1], ours(sys.argv[2]), theirs(sys.argv[3])
    differences = []
    for key in sorted(left.keys() | right.keys()):
        mine, other = left.get(key), right.get(key)
        if key == "packages":
            # Without a database it lists nothing, and for some systems it has no reader of it.
            if other and mine != other:
                differences.append(f"packages: only here {sorted(mine - other)[:5]}, only there {sorted(other - mine)[:5]}")
        elif key == "host name" and "localhost" in (other or "localhost"):
            continue
        elif mine != other:
            differences.append(f"{key}: here {mine}, there {other}")
    count = len(right.get("packages", ()))
    system = f"{left.get('distribution')} {left.get('version')}, {left.get('architecture')}"
    packages = f"{count} packages" if count else "no packages listed there"
    print(f"{name}: " + ("; ".join(differences) or f"agrees ({system}, {packages})"))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
