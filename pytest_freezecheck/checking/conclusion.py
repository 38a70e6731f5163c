"""From what was fed to a result: its numbers, the evidence, and the verdict."""

from __future__ import annotations

import math

from pytest_freezecheck.checking.feeding import Feeding
from pytest_freezecheck.checking.judgement import Evidence, judge
from pytest_freezecheck.checking.sides import Sides
from pytest_freezecheck.diagnosis.values import differing_weights
from pytest_freezecheck.errors import ModelError
from pytest_freezecheck.models.graphdef import ancestors
from pytest_freezecheck.numeric.tolerance import SCORES
from pytest_freezecheck.report import cautions
from pytest_freezecheck.result.agreement import Agreement
from pytest_freezecheck.result.findings import Weights
from pytest_freezecheck.settings import Settings

#: The two sides in words.
SIDES = ("the live model", "the artifact")


def count(agreement: Agreement, fed: Feeding) -> None:
    """Write the numbers of what was fed into a result.

    Raises:
        ModelError: nothing was compared.
    """
    tally, worst = fed.tally, fed.tally.worst
    if worst is None:
        raise ModelError(f"{agreement.model}: no output was compared")
    agreement.compared = tally.found()
    first = agreement.compared[0]
    limits = tally.tolerances[first.output]
    agreement.max_abs_diff, agreement.atol = first.max_abs_diff, limits.limit
    agreement.unraised, agreement.unraised_rtol = limits.unraised_limit, limits.unraised[1]
    name, agreement.logit_rel_diff = tally.logit_worst or (None, None)
    if name is not None:
        agreement.logit_rtol = tally.tolerances[name].logit_rtol
        agreement.unraised_rtol = tally.tolerances[name].unraised[1]
    agreement.non_finite = worst.non_finite
    agreement.exact = tally.identical
    agreement.inputs, agreement.largest_batch = tally.inputs, tally.largest
    agreement.showing, agreement.excused = fed.visible.showing, fed.excused
    agreement.needed = _needed(fed)
    agreement.weights = _weights(fed.sides)
    if fed.changed and agreement.unsteady is None:
        agreement.unsteady = SIDES[1]
    if fed.unrepeated:
        agreement.warnings.append(cautions.unrepeated(agreement, fed.unrepeated))


def evidence(agreement: Agreement, fed: Feeding | None) -> Evidence:
    """Return what the verdict depends on.

    Args:
        agreement: the result, with its numbers.
        fed: what was fed, or None if nothing could be.
    """
    worst = None if fed is None else fed.tally.worst
    if fed is None or worst is None:
        return Evidence(suspicion=agreement.suspicion)
    logits = fed.tally.logit_worst
    limit = None if logits is None else fed.tally.tolerances[logits[0]].logit_rtol
    power, replayed, proof = agreement.power, agreement.replayed is not None, agreement.proof
    causes = () if agreement.explanation is None else agreement.explanation.causes
    return Evidence(
        problem=worst.problem_kind,
        lone=fed.sides.lone,
        not_compared=() if replayed else agreement.not_compared,
        compared=min(output.compared for output in agreement.compared),
        non_finite=worst.non_finite,
        ratio=worst.ratio,
        logit_ratio=0.0 if logits is None or limit is None else _over(logits[1], limit),
        batch_dependent=bool(causes) and causes[0].id == "batch-dependence",
        exact=fed.tally.identical,
        exact_demanded=agreement.exact_demanded and fed.sides.bit_exact,
        steady=not agreement.moved and agreement.unsteady in (None, SIDES[0]),
        noise=any(agreement.needed) or bool(agreement.excused or agreement.undecided),
        lossy=agreement.lossy,
        proof=None if proof is None else proof.result,
        operations=bool(proof and proof.operations),
        permitted=_permitted(agreement, fed),
        rounded=bool(proof and proof.grid),
        proof_required=agreement.require == "proof" and not replayed,
        power=None if power is None else power.telling,
        min_power=0.0 if replayed else agreement.min_power,
    )


def _permitted(agreement: Agreement, fed: Feeding) -> bool:
    """Return whether answers differ by more than the defaults allow, where somebody allowed it."""
    usual = Settings()
    for output in agreement.compared:
        tolerance = fed.tally.tolerances[output.output]
        unit = output.size if output.kind == SCORES else 1.0
        if tolerance.chosen and (output.max_abs_diff or 0.0) > usual.atol * unit:
            return True
        judged = tolerance.logit_rtol is not None and not tolerance.logits_chosen
        if not judged and (output.logit_rel_diff or 0.0) > (usual.logit_rtol or 0.0):
            return True
    return False


def conclude(agreement: Agreement, fed: Feeding | None) -> None:
    """Write the verdict into a result, and what a reader should know beside it."""
    verdict = judge(evidence(agreement, fed))
    agreement.outcome, agreement.reason = verdict.outcome, verdict.reason
    if fed is not None:
        agreement.warnings += cautions.of_verdict(agreement, fed.sides.dropped)


def _weights(sides: Sides) -> Weights:
    theirs = sides.frozen.weights()
    if not theirs:  # a converted file keeps no weight under its name, which is no news
        return Weights()
    outputs = [tensor.name for tensor in sides.live.outputs.values()]
    needed = ancestors(sides.live.graph.as_graph_def(), outputs)
    return differing_weights(sides.live.weights(), theirs, needed)


def _over(apart: float, allowed: float) -> float:
    """Return a difference as a multiple of what is allowed."""
    if allowed > 0.0:
        return apart / allowed
    return math.inf if apart > 0.0 else 0.0


def _needed(fed: Feeding) -> tuple[bool, bool]:
    """Return whether what was allowed for noise was needed, of outputs and of logits."""
    tally = fed.tally
    outputs = any(
        tally.tolerances[name].was_needed(seen.max_abs) for name, seen in tally.outputs.items()
    )
    ratios = tally.logit_ratios
    limits = {name: tally.tolerances[name].unraised[1] for name in ratios}
    logits = any(least is not None and ratios[name] > least for name, least in limits.items())
    return outputs, logits
