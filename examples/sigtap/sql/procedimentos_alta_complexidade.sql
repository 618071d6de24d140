-- Procedures of high complexity with the names of their place in the table's tree. A procedure's code carries
-- that place: positions 1-2 are the group, 3-4 the subgroup within it, 5-6 the form of organisation within that.
select
  p.co_procedimento,
  p.no_procedimento,
  p.tp_complexidade,
  g.no_grupo,
  s.no_sub_grupo,
  o.no_forma_organizacao,
  p.co_financiamento,
  f.no_financiamento,
  p.vl_sh,
  p.vl_sa,
  p.vl_sp,
  p.dt_competencia
from tb_procedimento p
join tb_grupo g
  on g.co_grupo = substring(p.co_procedimento, 1, 2)
join tb_sub_grupo s
  on s.co_grupo = substring(p.co_procedimento, 1, 2)
  and s.co_sub_grupo = substring(p.co_procedimento, 3, 2)
join tb_forma_organizacao o
  on o.co_grupo = substring(p.co_procedimento, 1, 2)
  and o.co_sub_grupo = substring(p.co_procedimento, 3, 2)
  and o.co_forma_organizacao = substring(p.co_procedimento, 5, 2)
join tb_financiamento f
  on f.co_financiamento = p.co_financiamento
where p.tp_complexidade = '3'
