-- Must give no row: a running contract that the day's movement does not know.
select
  a.numero_contrato
from contratos_ativos a
left join movimento_contratos m
  on m.numero_contrato = a.numero_contrato
where m.numero_contrato is null
