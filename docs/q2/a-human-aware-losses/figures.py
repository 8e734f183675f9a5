"""Figures of 2(a): what the losses value, where the first proof bends, and what people do."""

import numpy as np

EPSILON = 0.2


def _axes_through_zero(axis, canvas, height=True):
    """Mark the reference point by thin grey lines."""
    axis.axvline(0, color=canvas.muted, linewidth=0.7)
    if height:
        axis.axhline(0, color=canvas.muted, linewidth=0.7)


def value_functions(canvas):
    """Three panels. First: the DPO value is concave throughout, the Kahneman–Tversky value is
    convex in losses and steepest at zero. Second: the PPO-Clip value of the first KTO version bends
    upwards on a shaded stretch of gains for positive A and falls for negative A. Third: the values
    of the repaired construction both rise and are concave on gains."""
    figure, (people, published, repaired) = canvas.panels(3, height=2.9)
    _people(people, canvas)
    _published(published, canvas)
    _repaired(repaired, canvas)
    return figure


def _people(axis, canvas):
    z = np.linspace(-3, 3, 601)
    _axes_through_zero(axis, canvas)
    loss = canvas.equation("eq-dpo-in-class", side=1, each="y_w")
    # The answers stand for their rewards, so that y_w = z and y_l = 0.
    value = -loss(r_theta=lambda x, y: y, x=0, y_w=z, y_l=0)
    people = canvas.equation("eq-kahneman-tversky", each="z")
    axis.plot(z, value + np.log(2), color=canvas.blue)
    axis.plot(z, people(z=z, alpha=0.88, **{"lambda": 2.25}), color=canvas.muted, linestyle="--")
    axis.text(-2.9, -1.3, "DPO", color=canvas.blue)
    axis.text(-1.75, -5.2, "people", color=canvas.muted)
    axis.set(title="DPO and people", xlabel="$z$", ylabel="value", ylim=(-6, 3))


def _published(axis, canvas):
    z, edge = np.linspace(-0.9, 0.9, 601), np.log(1.5)
    axis.axvspan(0, edge, color=canvas.faint)
    _axes_through_zero(axis, canvas)
    value = canvas.equation("eq-published-value", each="z")
    axis.plot(z, value(z=z, A=1, varepsilon=0.5), color=canvas.blue)
    axis.plot(z, value(z=z, A=-1, varepsilon=0.5), color=canvas.red, linestyle="--")
    axis.text(0.46, 1.62, "$A=1$", color=canvas.blue)
    axis.text(-0.85, -1.9, "$A=-1$\nfalls", color=canvas.red)
    axis.text(edge / 2, 0.3, "convex", ha="center", fontsize=9.5)
    axis.set(title="PPO-Clip, first version", xlabel=r"$z=\log q$", ylim=(-2.6, 2.1))


def _repaired(axis, canvas):
    z = np.linspace(-0.9, 1.5, 601)
    _axes_through_zero(axis, canvas, height=False)
    good, bad = (canvas.equation("eq-printed-values", row, each="z") for row in (0, 1))
    axis.plot(z, good(z=z, varepsilon=0.5), color=canvas.blue)
    axis.plot(z, bad(z=z, varepsilon=0.5), color=canvas.red, linestyle="--")
    axis.text(0.75, -0.3, "$A>0$", color=canvas.blue, ha="right")
    axis.text(1.5, -0.68, "$A<0$", color=canvas.red, ha="right")
    axis.set(title="PPO-Clip, repaired", xlabel=r"$z=-\log q$", ylim=(-2.6, 0.1))


def defect_magnified(canvas):
    """First panel: at natural size min(e to the z, 1.2) and a nearest function that is concave on gains
    look the same. Second panel: their difference, in thousandths, swings between plus and minus 2.28 and
    touches both bounds, plus then minus then plus; so no concave function comes nearer."""
    figure, (plain, lens) = canvas.panels(2, height=2.8)
    z, edge = np.linspace(-0.1, 0.3, 801), np.log1p(EPSILON)
    distance = canvas.equation("eq-defect")(s=EPSILON / edge)
    curve = canvas.equation("eq-published-value", each="z")(z=z, A=1, varepsilon=EPSILON)
    chord = np.where(z < 0, curve, np.minimum(1 + EPSILON * z / edge, 1 + EPSILON))
    for axis in (plain, lens):
        axis.axvspan(0, edge, color=canvas.faint)
    plain.plot(z, curve, color=canvas.red)
    plain.plot(z, chord - distance, color=canvas.blue, linestyle="--")
    plain.text(0.1, 1.16, r"$\min(e^z,\,1.2)$", color=canvas.red, ha="right")
    plain.text(0.13, 1.06, "nearest permitted\nfunction", color=canvas.blue)
    plain.set(title="Natural size", xlabel=r"$z=\log q$", ylabel="value / $A$")
    _lens(lens, canvas, z, 1000 * (curve - chord + distance), 1000 * distance)
    return figure


def _lens(axis, canvas, z, error, bound):
    touches = np.array([0, np.log(EPSILON / np.log1p(EPSILON)), np.log1p(EPSILON)])
    axis.axhline(0, color=canvas.blue, linestyle="--", linewidth=1.2)
    axis.plot(z, error, color=canvas.red)
    axis.plot(touches, bound * np.array([1, -1, 1]), "o", color=canvas.red)
    axis.text(0.2, 0.2, "nearest\npermitted", color=canvas.blue, fontsize=10)
    axis.text(touches[1], -bound - 0.2, f"−{bound:.2f}", ha="center", va="top")
    axis.text(0.3, bound + 0.15, f"+{bound:.2f}", ha="right")
    axis.set(title="Difference, magnified", xlabel=r"$z=\log q$", ylim=(-3.3, 3.3))
    axis.set_ylabel("thousandths of $A$")


def sign_cases(canvas):
    """Two panels, A positive and A negative, each with the four value functions that the signs of
    kappa and c allow. Two fall. One rises but bends upwards on gains. Only the one with kappa
    negative and c of the sign of A rises and is concave on gains."""
    figure, axes = canvas.panels(2, height=3.0)
    z, printed = np.linspace(-0.6, 0.6, 601), canvas.equation("eq-clip-cases", each="q")
    for axis, advantage in zip(axes, (1, -1), strict=True):
        axis.axvspan(0, 0.6, color=canvas.faint)
        _axes_through_zero(axis, canvas)
        for kappa in (1, -1):
            loss = printed(q=np.exp(z / kappa), A=advantage, varepsilon=EPSILON) + advantage
            colour = canvas.red if kappa > 0 else canvas.blue
            rising = np.sign(loss[-1] - loss[0])
            axis.plot(z, rising * loss, color=colour, linestyle="--" if kappa > 0 else "-")
            axis.plot(z, -rising * loss, color=canvas.muted, linestyle=":", linewidth=1.2)
        sign = ">" if advantage > 0 else "<"
        axis.set(title=f"$A{sign}0$", xlabel="$z$ (gains shaded)", ylim=(-1, 0.95))
    axes[0].set_ylabel("value, up to a constant")
    _sign_labels(axes, canvas)
    return figure


def _sign_labels(axes, canvas):
    good, bad = axes
    good.text(0.58, 0.52, "$\\kappa<0,\\ c>0$\nfits", color=canvas.blue, ha="right")
    good.text(-0.58, -0.56, "$\\kappa>0,\\ c<0$\nconvex", color=canvas.red, va="top")
    bad.text(-0.03, -0.9, "$\\kappa<0,\\ c<0$\nfits", color=canvas.blue, ha="right")
    bad.text(0.4, 0.6, "$\\kappa>0,\\ c>0$\nconvex", color=canvas.red, ha="right")
    for axis in axes:
        axis.text(0.58, -0.6, "fall", color=canvas.muted, ha="right")


def marginal_value(canvas):
    """First panel: the slope of the DPO value falls steadily from losses to gains; the slope of PPO-Clip,
    drawn from a gain of minus one, is one until the clip edge and then zero; the Kahneman–Tversky slope
    peaks at the reference on both sides and is higher for losses. Second panel: the ratio of the slope at
    −z to that at z grows exponentially for DPO, is constantly 2.25 for Kahneman–Tversky, and for PPO-Clip
    jumps from one to infinity at the clip edge."""
    figure, (slope, ratio) = canvas.panels(2, height=3.0)
    gain = np.linspace(0.004, 3, 600)
    people = 0.88 * gain**-0.12
    for side, factor in ((gain, 1), (-gain, 2.25)):
        slope.plot(side, factor * people, color=canvas.muted, linestyle="--")
    z = np.linspace(-3, 3, 601)
    slope.plot(z, canvas.equation("eq-dpo-derivatives", each="z")(z=z), color=canvas.blue)
    possible = z[z > -1]  # q > 0, and A > 0
    loss = canvas.equation("eq-signed-gain", each="g")(g=possible, A=1, varepsilon=EPSILON)
    slope.plot(possible[:-1], -np.diff(loss) / 0.01, color=canvas.orange, linestyle="-.")
    _axes_through_zero(slope, canvas)
    slope.text(-2.9, 2.7, "Kahneman–Tversky", color=canvas.muted)
    slope.text(-2.9, 0.62, "DPO", color=canvas.blue)
    slope.text(-0.1, 1.12, "PPO-Clip", color=canvas.orange, ha="right")
    slope.set(title="Marginal value", xlabel="$z$ or $g$", ylabel="slope $v'$")
    _aversion(ratio, canvas, gain)
    return figure


def _aversion(axis, canvas, gain):
    axis.semilogy(gain, np.exp(gain), color=canvas.blue)
    axis.axhline(2.25, color=canvas.muted, linestyle="--")
    axis.plot([0, EPSILON, EPSILON], [1, 1, 24], color=canvas.orange, linestyle="-.")
    axis.text(2.25, 13, "DPO: $e^z$", color=canvas.blue, ha="right")
    axis.text(3, 2.4, "Kahneman–Tversky: 2.25", color=canvas.muted, ha="right")
    axis.text(0.28, 16, "PPO-Clip: ∞ beyond ε", color=canvas.orange)
    axis.set(title="Loss aversion", xlabel="$z$ or $g$", ylim=(0.9, 24), xlim=(0, 3))
    axis.set(ylabel="slope at $-z$ / slope at $z$", yticks=[1, 2.25, 5, 10, 20])
    axis.set_yticks([], minor=True)
    axis.set_yticklabels(["1", "2.25", "5", "10", "20"])
