-- What serves where, and what look-ups are limited by.

-- name: limit_statement repeatable
-- For the rest of the transaction.
select set_config('statement_timeout', %(milliseconds)s, true);
