"""Statistical disclosure control: which number about a group may leave the clinic, how coarse, and
why.

Nothing here renders anything. `audit` says what a reader could work out about a group, `rules`
decides (release, coarsen or withhold, with the reason in words), `span` compares with every sum
released before, `tables` with every count.
"""
