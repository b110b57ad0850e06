{{ stage_cells('panel') }}
