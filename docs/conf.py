"""Configure the site: pages in MyST, notebooks executed, reference from docstrings, llms.txt."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import lagrad

sys.path.insert(0, str(Path(__file__).parent))

project = "lagrad"
author = "the authors of lagrad"
version = release = lagrad.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml"]
extensions += ["docstrings", "llms", "results"]
exclude_patterns = ["_build", "jupyter_execute"]
nitpicky = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "lagrad"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
# Tables of benchmarks begin with a heading of their own level.
suppress_warnings = ["myst.header"]

nb_execution_mode = "cache"
nb_execution_cache_path = str(Path(__file__).parent / "_build" / "executed")
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_merge_streams = True
# Kernels inherit the environment.
os.environ.setdefault("MATPLOTLIBRC", str(Path(__file__).parent / "matplotlibrc"))

# Docstrings mark code by single backticks, as Markdown does.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "exclude-members": "__init__, __new__"}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Source", "notes_style")]
