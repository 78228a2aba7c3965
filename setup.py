"""Only what pyproject.toml has no words for: the firmware's sources of the checkout become part of the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["fer_edge*"]), "fer_edge.firmware_sources"],
    package_dir={"fer_edge.firmware_sources": "firmware"},
)
