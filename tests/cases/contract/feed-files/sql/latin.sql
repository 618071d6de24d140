select a
-- seleção
from a
