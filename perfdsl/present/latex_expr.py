"""Expressions as their author wrote them -> LaTeX: the same structure, read as mathematics."""

from __future__ import annotations

from perfdsl.present import latex_calls as c
from perfdsl.present import latex_forms as f
from perfdsl.present import latex_paths as n
from perfdsl.present.latex_printer import Form
from perfdsl.syntax import tree

FORMS: dict[type[tree.Expr], Form] = {
    tree.Number: f.number,
    tree.Text: f.quoted,
    tree.Name: n.name,
    tree.Field: n.field_of,
    tree.Indexed: n.indexed,
    tree.Call: c.call,
    tree.Range: c.range_of,
    tree.Gather: c.gather,
    tree.Fold: c.fold,
    tree.With: c.overlay,
    tree.If: f.if_else,
    tree.Case: f.case,
    tree.Compare: f.compare,
    tree.BoundBy: f.bound_by,
    tree.Logic: f.logic,
    tree.Not: f.negation,
    tree.Sum: f.sum_of,
    tree.Product: f.product,
    tree.Negative: f.negative,
    tree.Power: f.power,
    tree.PlusMinus: f.plus_minus,
    tree.Skew: f.skew,
    tree.Noted: f.noted,
}
