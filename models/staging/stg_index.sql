{{ stage_cells('index') }}
