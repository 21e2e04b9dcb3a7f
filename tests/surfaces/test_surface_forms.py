"""The forms of relative harm: exact at zero, finite on the axes, derivatives right, σ right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from econ.surfaces.forms import FORMS, GUARD, S1, S2, S3, NormalisedS1, logit
from econ.surfaces.posterior import Draws, Surfaces

V = [1.0, 0.75, 0.5, 0.25, 0.1]
CENTRE = {
    "S1": [-6.0, 0.5, 6.0, -0.7, 0.0, -1.0, -0.5],
    "S2": [0.0, 0.5, 6.0, 0.0, -0.5, 0.3, 6.0, 0.2, 0.3],
    "S3": [-6.0, 0.5, 0.1, -1.0, -0.5, 6.0, 0.1, -0.4, -0.3],
    "S1n": [-6.0, 0.5, 6.0, -1.0, -0.5, -1.0, -0.5],
}


def surfaces_of(*names, thetas=None, count=None):
    count = count or len(names)
    form = np.array([names[i % len(names)] for i in range(count)])
    theta = np.full((count, 12), np.nan)
    for i, name in enumerate(form):
        row = CENTRE[name] if thetas is None else thetas[i]
        theta[i, : len(row)] = row
    return Surfaces(
        "t", "0", "measured", {("harm", "ood"): Draws(form, theta)}, {"a": 4096, "b": 4096}, {"ood": 0.6}
    )


@st.composite
def any_surface(draw):
    name = draw(st.sampled_from(sorted(FORMS)))
    spread = st.floats(-1.0, 1.0)
    return name, [
        c + draw(spread) * (0.4 if name == "S1n" and i == 3 else 1.0) for i, c in enumerate(CENTRE[name])
    ]


@given(any_surface(), st.floats(0.5, 4000.0), st.floats(0.5, 4000.0), st.floats(0.05, 0.95))
@settings(max_examples=200, deadline=None)
def test_analytic_derivatives_agree_with_differences(surface, a, b, v):
    name, theta = surface
    batch = surfaces_of(name, thetas=[theta]).batch([0])
    _, d_a, d_b, d_v = (t.item() for t in batch.at([v]).evaluate_labels([[a]], [[b]]))

    def harm(a, b, v):
        return batch.at([v]).evaluate_labels([[a]], [[b]])[0].item()

    step = 1e-5
    assert a * d_a == pytest.approx(
        (harm(a * (1 + step), b, v) - harm(a * (1 - step), b, v)) / (2 * step), abs=1e-6
    )
    assert b * d_b == pytest.approx(
        (harm(a, b * (1 + step), v) - harm(a, b * (1 - step), v)) / (2 * step), abs=1e-6
    )
    assert d_v == pytest.approx((harm(a, b, v + step) - harm(a, b, v - step)) / (2 * step), abs=1e-6)


@given(any_surface(), st.floats(0, 50.0), st.floats(0, 50.0))
@settings(max_examples=200, deadline=None)
def test_harm_is_a_share_and_falls_with_either_label(surface, x, y):
    name, theta = surface
    at = surfaces_of(name, thetas=[theta]).batch([0]).at(V)
    xs = np.full((1, 5), x)
    h, e_x, e_y = at.evaluate(xs, np.array([[y]]))
    assert np.all((h > 0) & (h <= 1)) and np.all(e_x >= 0) and np.all(e_y >= 0)
    assert np.all(h >= at.floor() - 1e-5)


@pytest.mark.parametrize("name", sorted(FORMS))
def test_no_labels_leave_harm_at_one_and_slopes_are_finite_on_the_axes(name):
    batch = surfaces_of(name).batch([0])
    corners = [(0.0, 0.0), (0.0, 5.0), (5.0, 0.0), (0.0, 1e9), (1e9, 0.0)]
    for v in V:
        at = batch.at([v])
        assert at.evaluate_labels([[0.0]], [[0.0]])[0].item() == 1.0
        for a, b in corners:
            assert all(np.isfinite(t).all() for t in at.evaluate_labels([[a]], [[b]]))


@given(st.floats(0.1, 20.0), st.floats(0.1, 20.0))
def test_sigma_of_the_ces_forms_is_the_constant_they_are_named_for(x, y):
    for sigma in (1.5, 3.0):
        theta = np.array([[-6.0, 0.5, 6.0, logit(1 - 1 / sigma), 0.0, -1.0, -0.5]])
        form = S1()
        found = form.elasticity_of_substitution(
            form.at(theta, np.array([[0.5]])), np.array([[x]]), np.array([[y]])
        )
        assert found.item() == pytest.approx(sigma)
    for sigma in (0.5, 1.0, 3.0):
        theta = np.array([[-6.0, 0.5, 6.0, 1 - 1 / sigma, 0.0, -1.0, -0.5]])
        form = NormalisedS1()
        found = form.elasticity_of_substitution(
            form.at(theta, np.array([[0.5]])), np.array([[x]]), np.array([[y]])
        )
        assert found.item() == pytest.approx(sigma, rel=1e-5)


def test_sigma_of_s2_at_the_symmetric_point_is_the_known_ratio():
    # r = 1, p = q = 1, equal ceilings: σ = (a50 + a)/(2a).
    overlap = logit(np.log(5.0) / np.log(25.0))
    theta = np.array([[0.0, 0.0, 6.0, 0.0, 0.0, 0.0, 6.0, 0.0, overlap]])
    p = S2().at(theta, np.array([[0.5]]))
    for x in (0.2, 1.0, 5.0):
        point = np.array([[x]])
        assert S2().elasticity_of_substitution(p, point, point).item() == pytest.approx((1 + x) / (2 * x))


@given(any_surface(), st.floats(0.05, 20.0), st.floats(0.05, 20.0))
@settings(max_examples=100, deadline=None)
def test_sigma_agrees_with_the_general_formula_by_differences(surface, x, y):
    name, theta = surface
    form = FORMS[name]
    p = form.at(np.array([theta]), np.array([[0.5]]))

    def harm(x, y):
        return form.evaluate(np, p, np.log([[x]]), np.log([[y]]))[0].item()

    k = 1e-3
    f_x = (harm(x * (1 + k), y) - harm(x * (1 - k), y)) / (2 * k * x)
    f_y = (harm(x, y * (1 + k)) - harm(x, y * (1 - k))) / (2 * k * y)
    f_xx = (harm(x * (1 + k), y) - 2 * harm(x, y) + harm(x * (1 - k), y)) / (k * x) ** 2
    f_yy = (harm(x, y * (1 + k)) - 2 * harm(x, y) + harm(x, y * (1 - k))) / (k * y) ** 2
    f_xy = (
        harm(x * (1 + k), y * (1 + k)) - harm(x * (1 + k), y * (1 - k))
        - harm(x * (1 - k), y * (1 + k)) + harm(x * (1 - k), y * (1 - k))
    ) / (4 * k * k * x * y)  # fmt: skip
    bend = x * y * (f_xx * f_y**2 - 2 * f_xy * f_x * f_y + f_yy * f_x**2)
    inverse = -bend / (f_x * f_y * (x * f_x + y * f_y))
    sigma = form.elasticity_of_substitution(p, np.array([[x]]), np.array([[y]])).item()
    found = max(inverse, 0.0) if np.isinf(sigma) else inverse
    assert found == pytest.approx(0.0 if np.isinf(sigma) else 1 / sigma, abs=2e-3)


def test_the_normalised_ces_is_continuous_through_sigma_one():
    x, y = np.array([[0.7]]), np.array([[2.0]])
    values = []
    for r in (-1e-4, 0.0, 1e-4):
        p = NormalisedS1().at(np.array([[-6.0, 0.5, 6.0, r, 0.0, -1.0, -0.5]]), np.array([[0.5]]))
        values.append(NormalisedS1().evaluate(np, p, np.log(x), np.log(y))[0].item())
    p = NormalisedS1().at(np.array([[-6.0, 0.5, 6.0, 0.0, 0.0, -1.0, -0.5]]), np.array([[0.5]]))
    exact = p["h"] + p["span"] / (1 + 2 * np.sqrt(x * y)) ** p["kappa"]
    assert values[1] == pytest.approx(exact.item(), abs=1e-6)
    assert values[0] == pytest.approx(values[2], abs=1e-4)


@pytest.mark.parametrize("name", ["S1", "S2", "S3"])
def test_one_unit_of_stock_is_half_saturation(name):
    theta = np.array([CENTRE[name]])
    p = FORMS[name].at(theta, np.array([[0.5]]))
    far = np.log([[GUARD]])
    at_half = FORMS[name].evaluate(np, p, np.log([[1.0 + GUARD]]), far)[0].item()
    if name == "S1":
        expected = p["h"] + p["span"] * 2.0 ** -p["kappa"]
    elif name == "S2":
        expected = np.exp(-0.5 * p["weight_a"] ** p["inverse_r"])
    else:
        expected = 0.5 * (1.0 + p["ha"])
    assert at_half == pytest.approx(np.asarray(expected).item(), abs=2e-4)


def test_a_mixed_batch_equals_its_replicates_alone_and_torch_equals_numpy():
    torch = pytest.importorskip("torch")
    surfaces = surfaces_of("S1", "S2", "S3", "S1n", count=8)
    x = np.linspace(0, 3, 8 * 4 * 5).reshape(8, 4, 5)
    y = np.linspace(0, 9, 8 * 4).reshape(8, 4, 1)
    at = surfaces.batch(np.arange(8)).at(V)
    together = at.evaluate(x, y)
    for i in range(8):
        alone = surfaces.batch([i]).at(V).evaluate(x[i : i + 1], y[i : i + 1])
        for whole, part in zip(together, alone, strict=True):
            np.testing.assert_allclose(whole[i], part[0], rtol=1e-13)
    for whole, tensor in zip(together, at.evaluate(torch.tensor(x), torch.tensor(y)), strict=True):
        np.testing.assert_allclose(whole, tensor.numpy(), rtol=1e-12, atol=1e-300)


def test_s3_forms_its_product():
    form, p = S3(), S3().at(np.array([CENTRE["S3"]]), np.array([[0.5]]))
    log_x, log_y, none = np.log([[2.0]]), np.log([[3.0]]), np.log([[GUARD]])
    both = form.evaluate(np, p, log_x, log_y)[0]
    assert both == pytest.approx(
        form.evaluate(np, p, log_x, none)[0] * form.evaluate(np, p, none, log_y)[0], rel=1e-6
    )
