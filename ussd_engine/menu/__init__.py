"""The menu language: YAML read with its places, checked like a program, compiled to tables.

source → reading → model → check → compile → core_ext.program
"""

from ussd_engine.menu.check import Checked, check_folder, check_sources, read_sources
from ussd_engine.menu.compile import compile_model
from ussd_engine.menu.expressions import Expression, ExpressionError, compile_expression
from ussd_engine.menu.findings import Finding, render

__all__ = [
    "Checked",
    "Expression",
    "ExpressionError",
    "Finding",
    "check_folder",
    "check_sources",
    "compile_expression",
    "compile_model",
    "read_sources",
    "render",
]
