"""nested.grad: values and derivatives of every order against jax.grad, formulas and finite differences."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad import nested

X = np.array([0.3, -1.2, 0.7, 2.0])


def weights():
    first, second = jax.random.split(jax.random.key(0))
    return {"in": jax.random.normal(first, (5, 4)), "out": jax.random.normal(second, (5,))}


def network(x, theta):
    return theta["out"] @ jnp.tanh(theta["in"] @ x) + 0.1 * jnp.sum(x**4)


def outer(gradient, x, theta):
    """A function of gradients: in x and in theta, and of a closure over values that depend on theta."""
    shift = 2 * theta["in"][0]
    closed = gradient(lambda y: network(y, theta) + jnp.sum(jnp.sin(shift * y)))(x)
    by_weights = gradient(network, argnums=1)(x, theta)["in"]
    return jnp.sum(jnp.sin(closed)) + jnp.sum(by_weights**2 * theta["in"])


ours, plain = partial(outer, nested.grad), partial(outer, jax.grad)
JACOBIANS = {"forward": jax.jacfwd, "reverse": jax.jacrev}


NESTINGS = [
    ("reverse", "forward"),
    ("reverse", "reverse"),
    *[pytest.param("forward", second, marks=pytest.mark.slow) for second in JACOBIANS],
]


def assert_same(ours, expected, tolerance=1e-11):
    assert jax.tree.structure(ours) == jax.tree.structure(expected)
    for left, right in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


def test_hessian_product_by_hand():
    """h = |grad f|^2 / 2 has gradient H grad f; H = diag(12 x^2) + 1 for f = sum x^4 + (sum x)^2 / 2."""
    gradient = nested.grad(lambda x: jnp.sum(x**4) + jnp.sum(x) ** 2 / 2)
    hessian, slope = np.diag(12 * X**2) + 1, np.asarray(4 * X**3 + X.sum())
    found = jax.grad(lambda x: jnp.sum(gradient(x) ** 2) / 2)(X)
    np.testing.assert_allclose(found, hessian @ slope, rtol=1e-13)


@pytest.mark.parametrize("inner", JACOBIANS)
def test_first_derivative_in_point_and_parameters(inner):
    """Equal to differentiating plain gradients, in every argument and through closures."""
    take = partial(JACOBIANS[inner], argnums=(0, 1))
    assert_same(jax.jit(take(ours))(X, weights()), jax.jit(take(plain))(X, weights()))


def test_derivative_without_compilation():
    """Operation by operation the values are the compiled ones."""
    assert_same(jax.grad(ours)(X, weights()), jax.jit(jax.grad(plain))(X, weights()))


@pytest.mark.parametrize(("first", "second"), NESTINGS)
def test_second_derivative_in_every_nesting(first, second):
    """Third derivatives of the inner function come out right in all four nestings."""

    def twice(f):
        return jax.jit(JACOBIANS[second](JACOBIANS[first](f, argnums=(0, 1)), argnums=(0, 1)))(X, weights())

    assert_same(twice(ours), twice(plain))


@pytest.mark.parametrize("order", range(1, 5))
def test_high_orders_by_hand(order):
    """d^k/dx^k of the derivative of exp(2 x) is 2^(k + 1) exp(2 x), by alternating modes."""
    f = nested.grad(lambda x: jnp.exp(2 * x))
    for k in range(order):
        f = JACOBIANS["reverse" if k % 2 else "forward"](f)
    np.testing.assert_allclose(f(0.3), 2.0 ** (order + 1) * np.exp(0.6), rtol=1e-12)


def test_gradient_of_gradient_of_gradient():
    """The tool applied to itself: u''' of sin(w x), and its derivative in w."""

    def third(x, w):
        return nested.grad(nested.grad(nested.grad(lambda x: jnp.sin(w * x))))(x)

    x, w = 0.4, 1.7
    np.testing.assert_allclose(third(x, w), -(w**3) * np.cos(w * x), rtol=1e-13)
    by_hand = -3 * w**2 * np.cos(w * x) + w**3 * x * np.sin(w * x)
    np.testing.assert_allclose(jax.grad(third, argnums=1)(x, w), by_hand, rtol=1e-12)


def test_derivative_agrees_with_finite_differences():
    """Central differences of h = g(grad f), which know nothing of symmetry."""
    theta, step = weights(), 1e-5
    slope = jax.grad(ours)(X, theta)
    differences = [(ours(X + e, theta) - ours(X - e, theta)) / (2 * step) for e in step * np.eye(4)]
    np.testing.assert_allclose(slope, differences, rtol=1e-6)


BATCHES = {
    "points": lambda f: lambda xs, theta: jax.vmap(f, (0, None))(xs, theta),
    "gradients of points": lambda f: lambda xs, t: jax.vmap(jax.grad(f, argnums=(0, 1)), (0, None))(xs, t),
    "sum over points": lambda f: jax.grad(
        lambda xs, t: jnp.sum(jax.vmap(f, (0, None))(xs, t) ** 2), argnums=(0, 1)
    ),
    "products of points": lambda f: (
        lambda xs, theta: jax.vmap(lambda x: jax.jvp(jax.grad(f), (x, theta), (2 * x, theta))[1])(xs)
    ),
    "Hessians of a sum": lambda f: jax.hessian(lambda xs, t: jnp.sum(jax.vmap(f, (0, None))(xs, t) ** 2)),
    "parameters": lambda f: (
        lambda xs, theta: jax.vmap(jax.grad(f), (None, 0))(
            xs[0], jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), theta)
        )
    ),
    "second axis": lambda f: lambda xs, theta: jax.vmap(jax.grad(f), (1, None), out_axes=1)(xs.T, theta),
    "batch of batches": lambda f: (
        lambda xs, theta: jax.vmap(
            lambda scale: jax.vmap(jax.grad(f), (0, None))(xs, jax.tree.map(lambda leaf: scale * leaf, theta))
        )(jnp.array([0.5, 1.0]))
    ),
}


# Each is compiled twice, ours and the peer: what the others cover as well runs with the slow tests.
COVERED = {"products of points", "parameters", "second axis", "sum over points"}


@pytest.mark.parametrize(
    "batch", [pytest.param(name, marks=[pytest.mark.slow] * (name in COVERED)) for name in BATCHES]
)
def test_batches(batch):
    """vmap around and inside of derivatives, over points, parameters and directions."""
    xs = jnp.stack([X, X**2 / 4, -X])
    assert_same(jax.jit(BATCHES[batch](ours))(xs, weights()), jax.jit(BATCHES[batch](plain))(xs, weights()))


def test_batch_shares_the_parameters():
    """A batch of input gradients multiplies with the shared weights as one matrix, without copies."""
    xs = jnp.ones((37, 4))
    program = jax.make_jaxpr(
        jax.grad(lambda theta: jnp.sum(jax.vmap(lambda x: jnp.sum(nested.grad(network)(x, theta) ** 2))(xs)))
    )(weights())
    assert "37,5,4" not in str(program)


def test_control_flow_and_checkpoint():
    """scan, cond and checkpoint around and inside of nested gradients."""

    def energy(gradient, x, length=3):
        def well(q):
            return jax.lax.scan(lambda c, _: (jnp.cos(c) * jnp.sum(q**2), None), q[0], None, length=length)[0]

        def step(q, _):
            force = jax.lax.cond(q[0] > 0, gradient(well), lambda q: -q, q)
            return q - 0.1 * force, jnp.sum(force**2)

        last, forces = jax.lax.scan(jax.checkpoint(step), x, None, length=4)
        return jnp.sum(last**2) + jnp.sum(forces)

    hessians = [jax.jit(jax.hessian(partial(energy, gradient)))(X) for gradient in (nested.grad, jax.grad)]
    assert_same(*hessians)


def test_arguments_that_are_no_arrays():
    """Static arguments, keywords, integers and several argnums are passed as jax.grad passes them."""

    def f(x, kind, k, *, scale):
        return scale * jnp.sum(x[k]) ** 3 if kind == "cubic" else jnp.sum(x[k])

    x = [jnp.array([1.0, 2.0]), jnp.array([3.0])]
    found = nested.grad(f, argnums=(0,))(x, "cubic", 0, scale=2.0)
    assert_same(found, jax.grad(f, argnums=(0,))(x, "cubic", 0, scale=2.0))
    assert_same(nested.grad(lambda a, b: a * b**2, argnums=-1)(2.0, 3.0), jnp.array(12.0))


def test_single_precision_stays_single():
    """float32 in, float32 out, under derivatives too."""
    x = jnp.ones(3, jnp.float32)
    assert jax.grad(lambda x: jnp.sum(nested.grad(lambda y: jnp.sum(y**3))(x)))(x).dtype == jnp.float32


def test_reverse_derivative_is_forward_sweeps():
    """Reverse mode over the gradient of a long chain keeps its input and no intermediate value."""

    def chain(x):
        return jnp.sum(jax.lax.scan(lambda c, _: (jnp.sin(c), None), x, None, length=50)[0])

    def bytes_kept(gradient):
        pullback = jax.vjp(gradient(chain), X)[1]
        return sum(leaf.nbytes for leaf in jax.tree.leaves(pullback) if hasattr(leaf, "nbytes"))

    assert bytes_kept(nested.grad) == X.nbytes
    assert bytes_kept(jax.grad) > 50 * X.nbytes


@pytest.mark.parametrize(
    ("f", "x", "message"),
    [
        (jnp.sum, np.arange(3), "an argument to differentiate holds int64, expected real floats"),
        (lambda x: 2 * x, X, r"the function returns float64\[4\], expected one real scalar"),
        (lambda x: jnp.sum(x) * 1j, X, r"the function returns complex128\[\], expected one real scalar"),
        (lambda x: (jnp.sum(x), 1.0), X, "expected one real scalar"),
    ],
)
def test_wrong_use_is_named(f, x, message):
    """Types of arguments and of the result are checked when the gradient is called."""
    with pytest.raises(TypeError, match=message):
        nested.grad(f)(x)


def test_position_outside_the_arguments_is_named():
    """argnums must point at a positional argument."""
    with pytest.raises(TypeError, match="`argnums` holds 2, but the function got 1 positional"):
        nested.grad(jnp.sum, argnums=2)(X)
