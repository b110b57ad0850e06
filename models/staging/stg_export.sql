{{ stage_cells('export') }}
