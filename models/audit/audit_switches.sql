{{ config(alias='switches') }}

-- SQL models read a switch through the macro `switch`, Python models from here: both see the same value.
select
    switch,
    {{ switches_in_use() }} as value,
    allowed,
    applies_to,
    ambiguity,
    description
from {{ ref('switches') }}
order by switch
