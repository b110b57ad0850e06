{# Angle index of industrial structure, W = 3 t1 + 2 t2 + t3, t_j the angle between the sector vector and the j-th axis (Fu Linghui 2010); NULL where a
   sector is missing (`least` alone would skip it). #}
{% macro structure_angle(primary, secondary, tertiary) -%}
    {%- set norm = 'nullif(sqrt(' ~ primary ~ '^2 + ' ~ secondary ~ '^2 + ' ~ tertiary ~ '^2), 0)' -%}
    case
        when {{ primary }} + {{ secondary }} + {{ tertiary }} is not null
            then
                3 * acos(least({{ primary }} / {{ norm }}, 1))
                + 2 * acos(least({{ secondary }} / {{ norm }}, 1))
                + acos(least({{ tertiary }} / {{ norm }}, 1))
    end
{%- endmacro %}
