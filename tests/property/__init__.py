"""Random histories through the real ledger and fold, against an oracle that computes slowly.

``oracle`` is plain Python, written from the definitions of the figures and the formulas of the
catalogue. Of the product it imports the types of facts alone (`test_independence`); it reads the
catalogue's text as data, with a reader of its own. It starts from the facts that stand at the end,
so nothing in it is incremental: `ledger` says which version of a fact won, `contributions` and
`slices` what every cell holds, `membership` who is in the program, `attribution` and `crediting`
who earned what, `currencies` what amounts in another currency are worth, `removal` the Markov
chain, `measured` every measure of a span, `formulas` every KPI, `returns` and `spending` the ROI,
`value_lines` what may be added to it; `goals` and `forecasts` say how a goal stands, `causes` what
the program changed, `small_groups` whom an answer must not tell of.

What is drawn (`worlds`, of what `saying` and `wider` let facts say): versions of a few identities
from two sources, in any order, some twice; late ones, corrections, deletions and undeletions;
merges of people and their un-merges; a roster that is corrected, deleted and told differently by
two sources; posts and leavers that another source tells again, otherwise or at another time, and
takes back; rates stated for days inside the period, some twice; instants around midnight and around
the nights on which clocks change, in three zones; any batches of deliveries and of folding. A third
of them are drawn choice by choice, so that a failure is made small. Of most kinds these hold few
facts and fewer changes: the others are made of a seed (`stories`), and there most facts are
corrected in one field alone or in all, deleted, told again or said twice at once; and beside what a
story is about, what seldom happens by chance does (`scenes`). One of them is long and holds
everything, with scenes in which words contradict each other at one moment, and things happen on the
first or the last day that counts. Where it matters on which day something is recorded, that is
minutes before or after a midnight (`recording`). Forecasts need months (`programs`), causes teams
that start one after another (`rollouts`), small groups people in motion (`staffs`): these are drawn
by a seed, told in any order, repeated, corrected and deleted as well.

What is compared, exactly unless it says otherwise:

- `test_histories`: every cell of every slice, every credit, the changes ever logged, the sums,
  counts and levels that readers answer, the lines of cost and how mature a period is, in any order
  of arrival, with two deliverers at once, and without revisions;
- `test_currency_histories`: the same of organizations of currencies with two, three and no digits,
  half of whose amounts are told in another one, at rates that are stated late and corrected;
- `test_rebuilt`: the same while a generation with other settings is built beside the live one, and
  when it has taken over;
- `test_catalogue_histories`: every measure and every KPI of the catalogue, for the company and by
  anything that divides it, at rates that change inside the period, as known when a week after
  somebody's joining ends, and who did most; measures that are means or medians of hours to twelve
  digits, which is what a division in the database is good for;
- `test_roi_histories`: credit by every model, channel and group, with any window, half-life and
  order of the chain; removal effects; every form of ROI, break-even, spread and what depends on the
  model; cost in cash, in full and amortized, by category; recruiting; payback; maturity; the cohort
  by week or month; every line that credit and cost are explained by;
- `test_published_histories`: every KPI of a published period, as it was then and as it would be
  now;
- `test_value_histories`: lines of value and of the internal network, their evidence, the refusal to
  add what holds the same money;
- `test_goal_histories`: whether a goal is refused, and how it stands and stood: actual value,
  progress, pace, the middle of the forecast; the ends of its interval to a 2,000th of its width,
  because the product's Student's t has three digits;
- `test_cause_histories`: which teams are compared, effect, trend before the start and placebo to
  the six digits they are shown with, because they are floats; the brand's baseline exactly;
- `test_small_group_histories`: which teams are hidden and which are shown as one, and that nothing
  follows, from all answers together, about fewer people than may be shown;
- `test_as_known`, `test_returns_known`, `test_restated`, `test_explained`, `test_verified`,
  `test_two_ways`: the product against itself: a look back, at returns too, and what was published
  against what was, moves against their sum, lines against their figure, the independent
  recomputation in SQL against the fold, groups against filters and periods against their days.

What the oracle does not cover: the expected value of a cohort, whose interval is drawn by chance;
which teams are hidden in answers about the past, where nothing may follow all the same. These have
tests of their own.
"""
