{# Policies the studies use: each is a column, also where no list is at hand. #}
{% macro policies() %}
    {{ return([
        'broadband_china', 'city_cluster', 'bigdata_zone', 'innovative_city', 'ecommerce_city', 'hitech_zone', 'special_economic_zone',
        'smart_city', 'low_carbon_city', 'open_data_platform',
    ]) }}
{% endmacro %}
