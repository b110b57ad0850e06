{{ config(alias='switches') }}

select
    switch,
    value,
    allowed,
    applies_to,
    description
from {{ ref('switches') }}
order by switch
