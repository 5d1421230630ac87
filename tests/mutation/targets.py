"""What is mutated, and the tests that should notice: quick ones, and thorough ones after them."""

from typing import Final, NamedTuple

__all__ = ["TARGETS", "Look", "Target"]

#: Tests that are run together.
Look = tuple[str, ...]


class Target(NamedTuple):
    """Files, as patterns, and the looks at each of their mutants, until one notices."""

    files: tuple[str, ...]
    looks: tuple[Look, ...]


#: Whatever is quick to notice, as the first failure ends a trial; for what that has missed, the
#: golden year and random histories.
_FOLD: Final = Target(
    files=(
        "services/metrics/fold.py",
        "services/metrics/stage.py",
        "services/metrics/slices.py",
        "services/metrics/journeys.py",
        "services/metrics/portions.py",
        "services/metrics/crediting.py",
        "services/metrics/sql.py",
        "services/metrics/keyed/*.py",
        "shared/rollups/contributions.py",
        "shared/rollups/converting.py",
        "shared/rollups/booked.py",
        "shared/rollups/layout.py",
        "shared/rollups/leaving.py",
        "shared/rollups/posted.py",
    ),
    looks=(
        (
            "tests/integration/test_fold_late.py",
            "tests/integration/test_fold_left_out.py",
            "tests/integration/test_fold_ties.py",
            "tests/integration/test_fold_kinds.py::test_what_counts_is_what_stands_and_the_past_stays[1000]",
            "tests/integration/test_fold_batches.py",
            "tests/integration/test_fold_edges.py::test_a_rich_history_is_what_the_oracle_says[1000-9]",
            "tests/integration/test_fold_edges.py::test_journeys_that_are_read_in_pieces_are_divided_whole[2]",
            "tests/integration/test_fold_layouts.py",
            "tests/integration/test_fold_generations.py",
            "tests/integration/test_fold_edges.py::test_an_index_is_the_mean_of_the_last_of_each_person",
            "tests/integration/test_identity.py::test_a_touch_under_another_name_counts_though_it_is_all_that_is_new",
            "tests/integration/test_repair.py::test_a_repair_adds_what_is_missing_and_says_so",
            "tests/integration/test_repair.py::test_a_repair_beside_another_generation_adds_what_is_missing_once",
            "tests/integration/test_repair.py::test_what_was_miscounted_is_mended_in_the_log_as_well",
            "tests/integration/test_repair.py::test_a_value_the_fold_never_wrote_is_taken_away_again",
            "tests/integration/test_posts_told_again.py",
            "tests/integration/test_leavers_told_again.py",
            "tests/integration/test_closings.py",
            "tests/unit/attribution/test_crediting.py",
            "tests/unit/test_rollup_layout.py",
            "tests/unit/test_portions.py",
            "tests/integration/test_shared_mailbox.py",
            "tests/api/test_models_of_conversions.py::test_removal_effects_by_hand",
            "tests/api/test_restated_causes.py::test_what_moved_a_figure_is_listed"
            "[records are merged]",
        ),
        (
            "tests/integration/test_fold.py",
            "tests/integration/test_credit.py",
            "tests/integration/test_identity.py",
            "tests/integration/test_golden_credit.py",
            "tests/integration/test_outdated.py",
            "tests/integration/test_explain_pages.py",
            "tests/property/test_histories.py::test_any_history_gives_what_the_oracle_says_in_any_order",
        ),
    ),
)
#: How generations begin and take over, with which half-life, and in how large steps.
_GENERATIONS: Final = Target(
    files=(
        "services/metrics/batches.py",
        "services/metrics/half_life.py",
        "services/metrics/rebuild.py",
        "services/metrics/remeasure.py",
        "services/metrics/turn.py",
    ),
    looks=(
        (
            "tests/unit/test_batch_sizes.py",
            "tests/integration/test_half_life.py",
            "tests/integration/test_rebuild.py",
            "tests/integration/test_rebuild_races.py",
            "tests/integration/test_turns.py",
            "tests/integration/test_sweeps.py",
            "tests/integration/test_fold_generations.py",
            "tests/api/test_half_life.py",
        ),
        (
            "tests/integration/test_fold_batches.py",
            "tests/integration/test_generations_meet.py",
            "tests/api/test_publications.py",
            "tests/api/test_repairs_told.py",
        ),
    ),
)
#: The recomputation that the fold is held against.
_VERIFY: Final = Target(
    files=("services/metrics/verify/*.py",),
    looks=(
        (
            "tests/unit/test_verify_report.py",
            "tests/integration/test_verify_corners.py",
            "tests/integration/test_verify.py",
            "tests/integration/test_verify_past.py",
            "tests/integration/test_verify_heads.py",
            "tests/integration/test_verify_ledger.py",
            "tests/integration/test_verify_beside.py",
            "tests/integration/test_verify_samples.py",
            "tests/integration/test_repair.py",
        ),
        (
            "tests/api/test_repairs_told.py",
            "tests/integration/test_generations_meet.py",
            "tests/property/test_verified.py",
        ),
    ),
)
#: What was known, what has moved since, and why.
_PAST: Final = Target(
    files=("shared/rollups/known.py", "shared/rollups/moved.py", "shared/rollups/causes.py"),
    looks=(
        (
            "tests/integration/test_known.py",
            "tests/integration/test_moved.py",
            "tests/api/test_restated_causes.py",
            "tests/api/test_restated_nothing.py",
            "tests/api/test_repairs_told.py",
            "tests/api/test_golden_restated.py",
        ),
        ("tests/property/test_restated.py", "tests/property/test_as_known.py"),
    ),
)
#: What is told in another currency is worth in the organization's, on its way into the ledger.
_CURRENCIES: Final = Target(
    files=("shared/ledger/conversion.py", "shared/ledger/reconversion.py"),
    looks=(("tests/api/test_other_currencies.py", "tests/api/test_rates_put_right.py"),),
)
_NAMING: Final = Target(
    files=("shared/rollups/naming.py",),
    looks=(
        ("tests/integration/test_deals_naming.py", "tests/integration/test_merged_contacts.py"),
    ),
)
#: Of which kinds anything was told; the fold counts it, and it says of figures that they are none.
_TOLD: Final = Target(
    files=("shared/rollups/told.py",),
    looks=(
        ("tests/integration/test_none_or_missing.py",),
        (
            "tests/property/test_catalogue_histories.py",
            "tests/property/test_histories.py::test_any_history_gives_what_the_oracle_says_in_any_order",
        ),
    ),
)
#: What is counted when it is asked for: in one period, and along many buckets at once.
_LISTED: Final = Target(
    files=(
        "shared/rollups/listed_*.py",
        "shared/rollups/deals.py",
        "shared/rollups/employed.py",
        "shared/rollups/evened.py",
        "shared/rollups/gauges.py",
        "shared/rollups/holding.py",
        "shared/rollups/sweep.py",
    ),
    looks=(
        (
            "tests/integration/test_catalogue_answers.py",
            "tests/integration/test_closings.py",
            "tests/integration/test_hiring.py",
            "tests/integration/test_none_or_missing.py",
            "tests/api/test_referrals.py",
            "tests/integration/test_credited_pipeline.py",
            "tests/integration/test_index.py",
            "tests/integration/test_levels_by_place.py",
            "tests/integration/test_many_buckets.py::test_each_bucket_says_what_it_says_alone",
            "tests/integration/test_many_buckets.py::test_the_facts_behind_each_bucket_make_its_value",
            "tests/integration/test_readers_of_generations.py",
        ),
        ("tests/property/test_catalogue_histories.py",),
    ),
)
#: The facts behind a figure: what it is made of, page by page.
_EXPLAINED: Final = Target(
    files=(
        "shared/rollups/cost_lines.py",
        "shared/rollups/evidence.py",
        "shared/rollups/explain.py",
    ),
    looks=(
        (
            "tests/integration/test_explain_pages.py",
            "tests/integration/test_posts_told_again.py",
            "tests/integration/test_leavers_told_again.py",
            "tests/integration/test_catalogue_answers.py::test_the_facts_behind_every_measure_make_its_value",
            "tests/integration/test_readers_of_generations.py",
            "tests/api/test_roi_costs.py",
            "tests/api/test_privacy.py",
            "tests/api/test_other_currencies.py",
        ),
        (
            "tests/api/test_explained_kpis.py",
            "tests/integration/test_active_advocates.py",
            "tests/integration/test_index.py",
            "tests/property/test_explained.py",
        ),
    ),
)
#: Groups that are shown as one, others in each bucket.
_MERGED: Final = Target(
    files=("shared/rollups/merging.py",),
    looks=(
        (
            "tests/integration/test_many_buckets.py::test_groups_that_are_merged_say_what_they_say_together",
            "tests/api/test_merged_by_day.py",
        ),
        ("tests/property/test_small_group_histories.py",),
    ),
)
#: What the return is made of, on its way from the rollups to whoever asks. Not what it looks like.
_RETURN: Final = Target(
    files=(
        "services/api/roi/adding.py",
        "services/api/roi/causal.py",
        "services/api/roi/cohort.py",
        "services/api/roi/comparison.py",
        "services/api/roi/costs.py",
        "services/api/roi/crediting.py",
        "services/api/roi/explain.py",
        "services/api/roi/groups.py",
        "services/api/roi/hires.py",
        "services/api/roi/inputs.py",
        "services/api/roi/journeys.py",
        "services/api/roi/leads.py",
        "services/api/roi/markov.py",
        "services/api/roi/moves.py",
        "services/api/roi/network.py",
        "services/api/roi/recomputed.py",
        "services/api/roi/repository.py",
        "services/api/roi/returns.py",
        "services/api/roi/service.py",
    ),
    looks=(
        (
            "tests/api/test_golden.py",
            "tests/api/test_golden_finance.py",
            "tests/api/test_golden_models.py",
            "tests/api/test_golden_restated.py",
            "tests/api/test_roi_costs.py",
            "tests/api/test_roi_explained.py",
            "tests/api/test_models_of_conversions.py",
            "tests/api/test_incrementality.py",
            "tests/api/test_margin_changes.py",
            "tests/api/test_value_lines.py",
            "tests/api/test_as_of.py",
            "tests/api/test_open_leads.py",
            "tests/api/test_returns_of_generations.py",
        ),
        (
            "tests/api/test_access.py",
            "tests/api/test_freshness.py",
            "tests/api/test_lost_journeys.py",
            "tests/api/test_money_digits.py",
            "tests/api/test_none_or_missing.py",
            "tests/api/test_notices_of_closes.py",
            "tests/api/test_openapi.py",
            "tests/api/test_other_currencies.py",
            "tests/api/test_privacy_of_credit.py",
            "tests/api/test_resources.py",
            "tests/integration/test_credit_pages.py",
            "tests/integration/test_lapsed_journeys.py",
            "tests/property/test_roi_histories.py",
        ),
    ),
)
#: Journeys of which nobody tells that they failed.
_UNCONVERTED: Final = Target(
    files=("services/api/roi/unconverted.py",),
    looks=(
        ("tests/api/test_models_of_conversions.py", "tests/api/test_lost_journeys.py"),
        ("tests/property/test_roi_histories.py",),
    ),
)
#: Who has to rebuild, and what a fold works in. Not the worker: a process of its own imports what
#: is on disk, not the change.
_UPKEEP: Final = Target(
    files=("services/metrics/outdated.py", "services/metrics/working.py"),
    looks=(
        # First: these tell of all organizations, of which the others leave some behind.
        (
            "tests/integration/test_outdated_told.py::test_the_doctor_tells_who_has_to_rebuild_and_why",
            "tests/integration/test_outdated_told.py::test_the_doctor_waits_for_a_rebuild_that_brings_the_rules",
            "tests/integration/test_outdated_told.py::test_a_rebuild_that_is_as_old_is_told_to_be_given_up",
        ),
        ("tests/integration/test_outdated.py", "tests/integration/test_working_tables.py"),
    ),
)
TARGETS: Final = (
    *(_FOLD, _GENERATIONS, _VERIFY, _PAST, _CURRENCIES, _NAMING, _TOLD, _LISTED),
    *(_EXPLAINED, _MERGED, _RETURN, _UNCONVERTED, _UPKEEP),
)
