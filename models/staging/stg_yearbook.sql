{{ stage_cells('yearbook') }}
