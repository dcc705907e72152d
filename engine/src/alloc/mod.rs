//! Free addresses: a pool is claimed from in O(1) at any fill; open offers are remembered for seconds. Pure.
