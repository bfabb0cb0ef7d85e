"""Closed forms: published values, special cases of each other, and their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdlab.errors import InvalidInput
from simulations import theory


def test_m_m_1_has_its_textbook_values() -> None:
    queue = theory.mm1(0.8, 1.0)
    assert queue.response_time_s == pytest.approx(5.0)
    assert queue.in_system == pytest.approx(4.0)
    assert queue.waiting == pytest.approx(3.2)
    assert queue.wait_probability == pytest.approx(0.8)
    quantiles = [theory.mm1_response_time_quantile_s(0.8, 1.0, p) for p in (0.5, 0.95, 0.99)]
    assert quantiles == pytest.approx([3.466, 14.98, 23.03], rel=1e-3)


def test_m_m_8_at_85_percent_has_its_known_values() -> None:
    assert theory.mmc(6.8, 1.0, 8).response_time_s == pytest.approx(1.4771, rel=1e-4)
    quantiles = [theory.mmc_response_time_quantile_s(6.8, 1.0, 8, p) for p in (0.5, 0.95, 0.99)]
    assert quantiles == pytest.approx([1.158, 3.936, 5.685], rel=1e-3)


def test_erlangs_formulas_have_the_values_of_the_tables() -> None:
    assert theory.erlang_b(10.0, 10) == pytest.approx(0.2146, abs=5e-5)
    assert theory.erlang_b(2.0, 5) == pytest.approx(0.0367, abs=5e-5)
    assert theory.erlang_c(2.0, 3) == pytest.approx(4 / 9)
    assert theory.erlang_c(0.0, 3) == 0.0
    assert theory.erlang_b(900.0, 1000) < 1e-3  # no overflow


def test_one_server_and_one_phase_are_special_cases() -> None:
    assert theory.erlang_c(0.6, 1) == pytest.approx(0.6)
    assert theory.mg1(0.7, 1.0, 1.0).wait_s == pytest.approx(theory.mm1(0.7, 1.0).wait_s)
    assert theory.md1(0.7, 1.0).wait_s == pytest.approx(theory.mm1(0.7, 1.0).wait_s / 2)


def test_m_m_c_k_lies_between_loss_and_waiting() -> None:
    assert theory.mmck(9.0, 1.0, 10, 10).loss_probability == pytest.approx(theory.erlang_b(9.0, 10))
    roomy = theory.mmck(0.8, 1.0, 1, 400)
    assert roomy.loss_probability < 1e-30
    assert roomy.response_time_s == pytest.approx(5.0)
    crowded = theory.mmck(100.0, 1.0, 2, 5)
    assert crowded.throughput_rps == pytest.approx(2.0, rel=1e-3)
    assert crowded.in_system == pytest.approx(5.0, abs=0.03)
    assert theory.mmck(0.0, 1.0, 1, 3).throughput_rps == 0.0


@pytest.mark.parametrize("servers", [1, 2, 5])
def test_the_response_time_quantile_inverts_its_mean(servers: int) -> None:
    """The integral of the quantile function is the mean; c = 2 at load 1 is the case of two equal rates."""
    rate = servers - 1.0 if servers > 1 else 0.5
    p = (np.arange(4000) + 0.5) / 4000
    mean = np.mean([theory.mmc_response_time_quantile_s(rate, 1.0, servers, float(q)) for q in p])
    assert mean == pytest.approx(theory.mmc(rate, 1.0, servers).response_time_s, rel=2e-3)


def test_the_wait_quantile_is_zero_for_those_who_do_not_wait() -> None:
    assert theory.mmc_wait_quantile_s(1.0, 1.0, 4, 0.5) == 0.0
    assert theory.mmc_wait_quantile_s(0.8, 1.0, 1, 0.99) == pytest.approx(math.log(80) / 0.2)


def test_asymptotic_bounds_cross_at_the_saturation_population() -> None:
    bounds = theory.asymptotic_bounds([0.005, 0.2, 0.1], population=10, think_time_s=18.0)
    assert bounds.throughput_rps_max == pytest.approx(10 / 18.305)
    assert bounds.response_time_s_min == pytest.approx(0.305)
    assert bounds.saturation_population == pytest.approx(18.305 / 0.2)
    heavy = theory.asymptotic_bounds([0.005, 0.2, 0.1], population=1000, think_time_s=18.0)
    assert (heavy.throughput_rps_max, heavy.response_time_s_min) == pytest.approx((5.0, 182.0))


def test_little() -> None:
    assert theory.little_in_system(40.0, 0.25) == 10.0


def test_zipf_popularity_falls_with_rank() -> None:
    popularity = theory.zipf_popularity(4, 1.0)
    assert popularity.tolist() == pytest.approx([12 / 25, 6 / 25, 4 / 25, 3 / 25])
    assert theory.zipf_popularity(5, 0.0).tolist() == pytest.approx([0.2] * 5)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: theory.mm1(1.0, 1.0), "arrival_rate_rps"),
        (lambda: theory.mmc(8.0, 1.0, 8), "arrival_rate_rps"),
        (lambda: theory.mmc(-1.0, 1.0, 8), "arrival_rate_rps"),
        (lambda: theory.mmc(1.0, 0.0, 8), "service_s"),
        (lambda: theory.mmc(1.0, 1.0, 0), "servers"),
        (lambda: theory.mg1(0.5, 1.0, -1.0), "scv"),
        (lambda: theory.mmck(1.0, 1.0, 3, 2), "room"),
        (lambda: theory.erlang_c(3.0, 3), "offered_load"),
        (lambda: theory.erlang_b(-1.0, 3), "offered_load"),
        (lambda: theory.mmc_wait_quantile_s(0.5, 1.0, 1, 1.0), "probability"),
        (lambda: theory.asymptotic_bounds([], 1), "demands_s"),
        (lambda: theory.asymptotic_bounds([0.1], 0), "population"),
        (lambda: theory.lru_hit_ratio(np.array([0.5, 0.4]), 1), "popularity"),
        (lambda: theory.lru_hit_ratio(np.array([0.5, 0.5]), -1), "capacity_entries"),
    ],
)
def test_what_has_no_steady_state_or_no_meaning_is_refused(call: object, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        call()  # type: ignore[operator]
    assert error.value.field == field


def test_processor_sharing_depends_on_the_mean_alone_and_costs_the_memoryless_queue_nothing() -> None:
    assert theory.mg1_processor_sharing(0.6, 1.0).response_time_s == pytest.approx(2.5)
    assert theory.mg1_processor_sharing(0.6, 1.0).in_system == pytest.approx(theory.mm1(0.6, 1.0).in_system)
    assert theory.mmc_processor_sharing(2.1, 1.0, 3).response_time_s == theory.mmc(2.1, 1.0, 3).response_time_s


def test_turns_cost_nothing_where_requests_are_rare_and_half_as_much_again_as_a_line_near_saturation() -> None:
    assert theory.mg1_turns(1e-9, 1.0, 1.0) == pytest.approx(1.0)
    # B (1/2 + ρ) -> 3/2 E[S²] / (E[S] 2 (1 - ρ)), the line's wait E[S²] / (2 E[S] (1 - ρ)): 3/2 of it.
    turns, line = theory.mg1_turns(0.999, 1.0, 2.0) - 1.0, theory.mg1(0.999, 1.0, 2.0).wait_s
    assert turns / line == pytest.approx(1.5, rel=0.002)


def test_turns_with_nothing_between_are_plain_turns_and_what_is_between_delays_only_who_meets_others() -> None:
    for utilisation in (0.1, 0.6, 0.95):
        assert theory.mm1_turns(utilisation, 1.0, 0.0) == pytest.approx(theory.mg1_turns(utilisation, 1.0, 1.0))
    assert theory.mm1_turns(1e-6, 1.0, 5.0) == pytest.approx(1.0, rel=1e-4)
    assert theory.mm1_turns(0.6, 1.0, 0.5) > theory.mm1_turns(0.6, 1.0, 0.1) > theory.mm1_turns(0.6, 1.0, 0.0)


def test_a_set_up_of_nothing_and_one_at_a_rare_request_are_the_limits() -> None:
    assert theory.mg1_set_up(0.5, 1.0, 1.0, 0.0, 1.0) == pytest.approx(2.0)
    assert theory.mg1_set_up(1e-9, 1.0, 1.0, 3.0, 1.0) == pytest.approx(4.0)


def test_priorities_do_not_change_the_mean_wait_of_equal_requests_together() -> None:
    """The conservation law (Kleinrock 1965): loads weigh the waits."""
    queues = theory.mg1_priorities([0.2, 0.5], [1.0, 1.0], [1.0, 1.0])
    together = (0.2 * queues[0].wait_s + 0.5 * queues[1].wait_s) / 0.7
    assert together == pytest.approx(theory.mm1(0.7, 1.0).wait_s)
    assert queues[0].wait_s < queues[1].wait_s


def test_a_server_that_breaks_down_is_a_chain_whose_equations_the_formula_solves() -> None:
    """The balance equations of (number there, up or down), cut off where the probability is far below rounding."""
    rate, service, failure, repair, most = 0.4, 1.0, 1 / 20, 1 / 4, 400
    generator = np.zeros((2 * (most + 1), 2 * (most + 1)))
    for n in range(most + 1):
        up, down = 2 * n, 2 * n + 1
        generator[up, down], generator[down, up] = failure, repair
        if n < most:
            generator[up, up + 2] = generator[down, down + 2] = rate
        if n > 0:
            generator[up, up - 2] = service
    np.fill_diagonal(generator, -generator.sum(axis=1))
    system = np.vstack([generator.T[1:], np.ones(len(generator))])
    probability = np.linalg.solve(system, np.eye(len(generator))[-1])
    in_system = float(np.repeat(np.arange(most + 1), 2) @ probability)
    assert theory.mm1_breakdowns(rate, 1 / service, 20.0, 4.0) == pytest.approx(in_system / rate)
    assert theory.mm1_breakdowns(0.4, 1.0, 1e12, 1e-6) == pytest.approx(theory.mm1(0.4, 1.0).response_time_s)


def test_a_birth_death_process_with_two_servers_is_m_m_2() -> None:
    probability = theory.birth_death([1.5] * 300, [1.0, *[2.0] * 299])
    assert float(np.arange(301) @ probability) == pytest.approx(theory.mmc(1.5, 1.0, 2).in_system)
    assert theory.mmc_impatient(1.5, 1.0, 2, 1e5).response_time_s == pytest.approx(
        theory.mmc(1.5, 1.0, 2).response_time_s, rel=1e-3
    )


def test_convolution_and_mean_value_analysis_agree_on_a_closed_network() -> None:
    demands = [0.1, 0.25, 0.07]
    convolved = theory.closed_network([theory.Centre(demand) for demand in demands], 20, 1.5)
    analysed = theory.mean_value_analysis(demands, 20, 1.5)
    assert convolved.throughput_rps == pytest.approx(analysed.throughput_rps)
    assert convolved.response_time_s == pytest.approx(analysed.response_time_s)
    assert convolved.utilisation == pytest.approx(analysed.utilisation)
    bounds = theory.asymptotic_bounds(demands, 20, 1.5)
    assert convolved.throughput_rps < bounds.throughput_rps_max


def test_one_machine_never_waits_for_the_repairer_and_many_keep_him_busy() -> None:
    assert theory.machine_repair(1, 10.0, 2.0).response_time_s == pytest.approx(2.0)
    assert theory.machine_repair(200, 10.0, 2.0).utilisation[0] == pytest.approx(1.0)
    assert theory.machine_repair(3, 10.0, 2.0, 3).response_time_s == pytest.approx(2.0)


def test_a_fork_of_one_is_m_m_1_and_of_two_lies_between_its_bounds() -> None:
    assert theory.fork_join(0.5, 1.0, 1).approximation_s == pytest.approx(2.0)
    two = theory.fork_join(0.5, 1.0, 2)
    assert two.approximation_s == pytest.approx(11.5 / 8 * 2)
    assert two.lower_s < two.approximation_s < two.upper_s
    idle = theory.fork_join(0.0, 1.0, 4)
    assert idle.lower_s == pytest.approx(idle.approximation_s) == pytest.approx(theory.harmonic(4))
    assert theory.kth_fastest_s(1.0, 5, 5) == pytest.approx(theory.harmonic(5))
    assert theory.kth_fastest_s(1.0, 5, 1) == pytest.approx(0.2)
