/*
    Every constructed variable of the papers says where it is built, and that column is there.
    depends_on: {{ ref('study_common_prosperity') }}, {{ ref('study_industrial_upgrading') }}, {{ ref('study_new_quality_va_types') }},
    {{ ref('study_green_development') }}, {{ ref('study_digital_industry') }}, {{ ref('idx_product_complexity') }},
    {{ ref('idx_event_time') }}, {{ ref('idx_spatial_weights') }}
*/
with places as (

    select
        id,
        unnest(string_split(coalesce(built_in, ''), '|')) as place
    from {{ ref('constructed_variables') }}

)

select
    places.id,
    places.place
from places
left join information_schema.columns as built
    on places.place = built.table_schema || '.' || built.table_name || '.' || built.column_name
where built.column_name is null
